"""Hundreds of bad arguments: each gives one clear error with the right exit code."""

import os
import shutil

import fakes
import pytest
from cli.bad import bad_args_export, bad_args_policy, bad_args_train
from hostile import fixtures
from hostile.oracle import find_fault

ROWS = [*bad_args_train.ROWS, *bad_args_policy.ROWS, *bad_args_export.ROWS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make the files that the rows name, once; no row may change them."""
    place = tmp_path_factory.mktemp("folder")
    fixtures.build(place)
    for name, content in {
        "large.toml": b"#" * (2**20 + 1),
        "latin.toml": b"[ppo]\nactivation = '\xe9'\n",
        "deep.toml": b"[ppo]\nactivation = " + b"[" * 5000 + b"]" * 5000,
        "loose.toml": b"steps = 5\n",
    }.items():
        (place / name).write_bytes(content)
    (place / "folder.png").mkdir()
    os.mkfifo(place / "pipe")
    (place / "linked.pkl").symlink_to("foreign.pkl")
    linked = shutil.copytree(place / "policy", place / "linked")
    (linked / "policy.safetensors").unlink()
    (linked / "policy.safetensors").symlink_to(place / "policy" / "policy.safetensors")
    newer = shutil.copytree(place / "policy", place / "newer")
    fixtures.reseal(newer, {"schema": {"name": "rlctl-checkpoint", "major": 2, "minor": 0}})
    for name, text in {"none": "", "odd": '{"env": 5}'}.items():
        (place / "runs" / name).mkdir()
        (place / "runs" / name / "config.json").write_text(text)
    return place


@pytest.mark.parametrize(
    ("args", "code", "parts"), ROWS, ids=[" ".join(row[0])[:90] for row in ROWS]
)
def test_bad_arguments_give_one_clear_error(rlctl, folder, monkeypatch, args, code, parts):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RLCTL_RUNS", str(folder / "runs"))
    before = files_in(folder)
    for as_json in (False, True):
        with fakes.idle():  # a row that is accepted by mistake must not train for hours
            done = rlctl(*with_json(args) if as_json else args)
        assert (done.code, find_fault(done, as_json)) == (code, ""), done.err + done.out
        shown = done.err
        if as_json:
            error = done.envelope["error"]
            shown = f"{error['message']}\nhint: {error['hint']}"
        assert [part for part in parts if part not in shown] == [], shown
    assert files_in(folder) == before


def with_json(args):
    """Add --json, but not after a last option that lacks its value: it would become the value."""
    end = len(args) - (len(args) > 1 and args[-1].startswith("--"))
    return [*args[:end], "--json", *args[end:]]


def files_in(folder):
    return {path for path in folder.rglob("*") if path.name != "lock"}


def test_there_are_hundreds_of_them():
    assert len({tuple(args) for args, _, _ in ROWS}) == len(ROWS) >= 300
