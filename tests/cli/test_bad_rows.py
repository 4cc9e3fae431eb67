"""Some hundreds of mistakes, each told in one clear error with the right exit code."""

import os
import shutil

import fakes
import pytest
from cli.bad import acting, carrying, training
from hostile import fixtures
from hostile.oracle import find_fault

ROWS = [*training.ROWS, *acting.ROWS, *carrying.ROWS]


@pytest.fixture(scope="module")
def around(tmp_path_factory):
    """What lies around, made once: nothing may change it."""
    place = tmp_path_factory.mktemp("around")
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
    ("args", "code", "words"), ROWS, ids=[" ".join(row[0])[:90] for row in ROWS]
)
def test_a_mistake_is_told(rlctl, around, monkeypatch, args, code, words):
    monkeypatch.chdir(around)
    monkeypatch.setenv("RLCTL_RUNS", str(around / "runs"))
    before = {path for path in around.rglob("*") if path.name != "lock"}
    as_json = len(" ".join(args)) % 2 == 1  # people and programs are told the same
    with fakes.idle():  # what is taken for right by mistake shall not train for hours
        done = rlctl(*args, *["--json"] * as_json)
    assert (done.code, find_fault(done, as_json)) == (code, ""), done.err + done.out
    told = done.err
    if as_json:
        told = f"{done.envelope['error']['message']}\nhint: {done.envelope['error']['hint']}"
    assert [word for word in words if word not in told] == [], told
    assert {path for path in around.rglob("*") if path.name != "lock"} == before


def test_there_are_hundreds_of_them():
    assert len({tuple(args) for args, _, _ in ROWS}) == len(ROWS) >= 300
