"""Smaller versions of the checks of scripts/reliability.py."""

import random

import in_process
import pytest
import stand_ins
from checkpoints import forging, patient
from checkpoints.damage import DAMAGE
from checkpoints.saving import save
from hostile import guessing, loading, scenery, trying
from private_place import Guard, private

from rlctl.checkpoints import manifest

GUARD = Guard()
CASES = trying.cases()


def test_no_change_is_taken_for_the_checkpoint(tmp_path):
    rng = random.Random(1)
    save(tmp_path / "made", 6).rename(tmp_path / "other")
    sick = patient.Patient(save(tmp_path, 5))
    for file in sick.files:
        for name in DAMAGE:
            for _ in range(3):
                done = sick.hurt(name, file, rng)
                assert (name, file, sick.examined(done.code)) == (name, file, "")
    for data in forging.raw():
        assert sick.examined_forged(data) == ""
    for _ in range(200):
        what, data = patient.forged(sick, rng)
        assert (what, sick.examined_forged(data)) == (what, "")


def test_every_command_that_loads_refuses_damage(tmp_path):
    with private(tmp_path):
        assert [why for why in loading.wrong(tmp_path, random.Random(2), every=False) if why] == []


@pytest.mark.parametrize("kind", guessing.KINDS)
def test_no_guess_brings_it_down(kind, tmp_path):
    place = tmp_path / "here"
    place.mkdir()
    with private(place), stand_ins.idle():
        guesses = guessing.outcomes(kind, place, GUARD, 100, seed=3)
        assert [guess for guess in guesses if guess[1]] == []


@pytest.mark.parametrize("member", ["updates", "episodes", "seconds", "metrics", "best"])
def test_a_member_that_is_missing_is_told_when_it_is_needed(member, tmp_path):
    with private(tmp_path), stand_ins.idle():
        path = scenery.resumable(tmp_path / "run")
        held = manifest.salvage((path / manifest.NAME).read_bytes())
        del held[member]
        (path / manifest.NAME).write_bytes(manifest.encode(held))
        done = in_process.run("train", "--resume", "run")
    assert done.code == 6
    assert f"says nothing of '{member}'" in done.err


IMPORTS = [case for case in CASES if case.command.startswith("import")]  # a process each
OTHERS = [case for case in CASES if case not in IMPORTS]


@pytest.mark.parametrize("case", [*IMPORTS[3::25], *OTHERS[::6]], ids=lambda case: case.name[:60])
def test_nothing_hostile_runs_writes_or_takes_long(case, tmp_path):
    why, _, _ = trying.attempt(case, tmp_path / "here", GUARD)
    assert why == ""


def test_there_are_hundreds_of_hostile_files():
    assert len({case.name for case in CASES}) == len(CASES) >= 300
