"""Smaller versions of the checks of scripts/reliability.py."""

import random

import cli_runner
import fakes
import pytest
from checkpoints import corruption, manifest_fuzz
from checkpoints.damage import DAMAGE
from checkpoints.sample_checkpoints import save
from hostile import fixtures, fuzz, loading, runner
from sandbox import Guard, isolated

from rlctl.checkpoints import manifest

GUARD = Guard()
CASES = runner.cases()


def test_no_change_is_taken_for_the_checkpoint(tmp_path):
    rng = random.Random(1)
    save(tmp_path / "made", 6).rename(tmp_path / "other")
    checkpoint = corruption.CorruptibleCheckpoint(save(tmp_path, 5))
    for file in checkpoint.files:
        for name in DAMAGE:
            for _ in range(3):
                done = checkpoint.corrupt(name, file, rng)
                problem = checkpoint.check_load(done.code)
                assert not problem, f"{file} {name}"
    for data in manifest_fuzz.raw():
        assert not checkpoint.check_manifest_load(data)
    for _ in range(200):
        what, data = corruption.forged(checkpoint, rng)
        assert not checkpoint.check_manifest_load(data), what


def test_every_command_that_loads_refuses_damage(tmp_path):
    with isolated(tmp_path):
        found = loading.problems(tmp_path, random.Random(2), every=False)
        assert not [problem for problem in found if problem]


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_no_guess_brings_it_down(kind, tmp_path):
    place = tmp_path / "here"
    place.mkdir()
    with isolated(place), fakes.idle():
        guesses = fuzz.problems(kind, place, GUARD, 100, seed=3)
        assert [guess for guess in guesses if guess[1]] == []


@pytest.mark.parametrize("member", ["updates", "episodes", "seconds", "metrics", "best"])
def test_a_member_that_is_missing_is_told_when_it_is_needed(member, tmp_path):
    with isolated(tmp_path), fakes.idle():
        path = fixtures.resumable(tmp_path / "run")
        held = manifest.salvage((path / manifest.NAME).read_bytes())
        del held[member]
        (path / manifest.NAME).write_bytes(manifest.encode(held))
        done = cli_runner.run("train", "--resume", "run")
    assert done.code == 6
    assert f"has no '{member}'" in done.err


IMPORTS = [case for case in CASES if case.command.startswith("import")]  # a process each
OTHERS = [case for case in CASES if case not in IMPORTS]


@pytest.mark.parametrize("case", [*IMPORTS[3::25], *OTHERS[::6]], ids=lambda case: case.name[:60])
def test_nothing_hostile_runs_writes_or_takes_long(case, tmp_path):
    problem, _, _ = runner.run_case(case, tmp_path / "here", GUARD)
    assert not problem


def test_there_are_hundreds_of_hostile_files():
    assert len({case.name for case in CASES}) == len(CASES) >= 300
