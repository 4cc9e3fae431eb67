"""`rlctl export`: output and errors."""

import json

import saved_policy


def test_the_written_files_are_printed(rlctl, tmp_path):
    path = saved_policy.save()
    done = rlctl("export", "--format", "numpy", "--out", "p.npz")
    assert done.code == 0
    assert done.out.splitlines()[1].startswith("p.npz.json: ")
    assert done.out.splitlines()[2] == f"pendulum, 1,000 steps trained ({path})"
    assert json.loads((tmp_path / "p.npz.json").read_text())["environment"] == "pendulum"
    again = rlctl("export", "--format", "torch", "--out", "p.npz", "--json")
    assert again.code == 2
    assert "already exists" in again.envelope["error"]["message"]


def test_the_envelope(rlctl, tmp_path):
    saved_policy.save()
    figures = rlctl("export", "--format", "torch", "--out", "p.pt", "--json").envelope["data"]
    assert (figures["path"], figures["contract"], figures["format"]) == (
        "p.pt", "p.pt.json", "torch",
    )  # fmt: skip
    assert figures["bytes"] == (tmp_path / "p.pt").stat().st_size


def test_bad_input(rlctl):
    assert rlctl("export", "--format", "numpy", "--out", "p").code == 3
    saved_policy.save()
    assert rlctl("export", "--format", "pickle", "--out", "p").code == 2
    assert rlctl("export", "--format", "numpy").code == 2
    assert rlctl("export", "--format", "numpy", "--out", ".").code == 2
    assert rlctl("export", "--format", "numpy", "--out", "").code == 2
