"""Paths inside a run that are not checkpoints: every command suggests the right path."""

import os
from pathlib import Path

import pytest
import saved_policy

RUN = "runs/a"


@pytest.fixture(autouse=True)
def run():
    folder = saved_policy.save(out=Path(RUN)).parent
    (folder / "best").write_text("step_000000001000\n")
    for name in ("metrics.jsonl", "plot.png"):
        open(f"{RUN}/{name}", "w").close()


@pytest.mark.parametrize("command", ["inspect-ckpt X", "eval --ckpt X", "import X --out made"])
@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("checkpoints/latest", "names the newest checkpoint"),
        ("checkpoints/best", "names the best checkpoint"),
        ("config.json", "its settings"),
        ("metrics.jsonl", "its metrics"),
        ("plot.png", "its plot"),
    ],
)
def test_a_file_of_a_run_names_the_run_and_its_steps(command, name, what, rlctl):
    done = rlctl(*command.replace("X", f"{RUN}/{name}").split())
    assert done.code == 6
    assert f"{RUN}/{name} is a file of the run {RUN} (" in done.err
    assert f"{what}), not a checkpoint; the run has steps 1000\n" in done.err
    assert f"name the run: {RUN}, or a step of it: {RUN}@1000\n" in done.err
    assert "rlctl import" not in done.err


def test_hint_files_beside_copied_checkpoints(rlctl):
    os.rename(f"{RUN}/checkpoints", "copied")
    done = rlctl("inspect-ckpt", "copied/latest")
    assert done.code == 6
    assert "of the run copied (which names the newest checkpoint), not a checkpoint" in done.err
    assert done.err.endswith("name the run: copied\n")


@pytest.mark.parametrize("name", ["manifest.json", "policy.safetensors"])
@pytest.mark.parametrize("alone", [False, True])
def test_a_file_of_a_checkpoint_names_its_folder(name, alone, rlctl):
    folder = f"{RUN}/checkpoints/step_000000001000"
    for other in os.listdir(folder) if alone else ():
        if other != name:
            os.unlink(f"{folder}/{other}")
    done = rlctl("inspect-ckpt", f"{folder}/{name}")
    assert done.code == 6
    assert f"name its folder: {folder}\n" in done.err


def test_a_folder_of_runs_names_them(rlctl):
    saved_policy.save(out=Path("runs/b"))
    done = rlctl("inspect-ckpt", "runs")
    assert done.code == 3
    assert "runs holds 2 runs" in done.err
    assert "the latest is runs/b" in done.err


def test_a_run_is_nothing_to_import(rlctl):
    done = rlctl("import", RUN, "--out", "made")
    assert done.code == 6
    assert f"{RUN} is a run of rlctl\nhint: every --ckpt takes it as it is\n" in done.err


@pytest.mark.parametrize("name", ["latest", "config.json", "policy.pt"])
def test_such_names_elsewhere_are_those_of_other_tools(name, rlctl):
    os.mkdir("other")
    open(f"other/{name}", "w").close()
    done = rlctl("inspect-ckpt", f"other/{name}")
    assert done.code == 6
    assert f"rlctl import other/{name} --out DIR" in done.err
