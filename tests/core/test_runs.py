import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rlctl.core import runs
from rlctl.core.errors import Damaged, Incompatible, NotFound, OutOfSpace, RunInUse, UsageError
from rlctl.core.runs import Run


def make(env="pendulum", out=None, steps=(), at=None):
    """Create a closed run with empty checkpoint folders, saved at a given time."""
    with Run.create(env, "ppo", 0, out) as run:
        run.write_config({"env": env})
        for step in steps:
            folder = run.checkpoints / f"step_{step:012d}"
            folder.mkdir(parents=True)
            if at is not None:
                os.utime(folder, (at, at))
    return run.folder


def test_a_run_is_named_after_what_it_is(tmp_path):
    with Run.create("brax:ant", "ppo", 7) as run:
        assert re.fullmatch(r"brax_ant-ppo-\d{8}T\d{6}Z-s7", run.folder.name)
        assert run.folder.parent == tmp_path / "runs"  # RLCTL_RUNS


def test_two_runs_in_the_same_second_get_two_folders():
    first, second = make(), make()
    assert first != second


def test_without_a_root_runs_go_below_the_working_folder(monkeypatch):
    monkeypatch.delenv("RLCTL_RUNS")
    assert make().parent.name == "runs"


def test_nothing_is_ever_written_over(tmp_path):
    folder = make(out=tmp_path / "mine")
    with pytest.raises(UsageError, match="not empty") as caught:
        Run.create("pendulum", "ppo", 0, folder)
    assert f"--resume {folder}" in caught.value.hint


def test_an_empty_folder_may_be_used(tmp_path):
    (tmp_path / "mine").mkdir()
    assert make(out=tmp_path / "mine") == tmp_path / "mine"


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutOfSpace, match="cannot write"):
            Run.create("pendulum", "ppo", 0, place)


def test_one_process_at_a_time(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from rlctl.core.runs import Run;"
        "run = Run.open(Path(sys.argv[1])); print('locked', flush=True); time.sleep(60)"
    )
    folder = make(out=tmp_path / "mine")
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(RunInUse, match=f"pid {holder.pid} on .* since 20"):
            Run.open(folder)
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    Run.open(folder).close()  # a killed process holds nothing


def test_settings_come_back(tmp_path):
    with Run.create("pendulum", "ppo", 0) as run:
        run.write_config({"env": "pendulum", "x": float("nan")})
        assert run.read_config() == {"env": "pendulum", "x": None}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_broken_settings_are_damage(content):
    folder = make()
    (folder / "config.json").write_bytes(content)
    with Run.open(folder) as run, pytest.raises(Damaged, match=r"config\.json"):
        run.read_config()


def test_only_a_run_can_be_opened(tmp_path):
    with pytest.raises(NotFound, match="is not a run"):
        Run.open(tmp_path)


def test_runs_are_found_by_path_and_by_name():
    folder = make()
    assert runs.find_run(str(folder)) == folder
    assert runs.find_run(folder.name) == folder


def test_an_unknown_run_is_answered_with_the_nearest():
    folder = make()
    with pytest.raises(NotFound, match="there is no run") as caught:
        runs.find_run(folder.name[:-3] + "zz")
    assert caught.value.hint == f"did you mean {folder.name}?"


@pytest.mark.parametrize("part", ["checkpoints", f"checkpoints/step_{1:012d}"])
def test_a_part_of_a_run_is_answered_with_the_run(part):
    folder = make(steps=(1,))
    with pytest.raises(Incompatible, match="a part of a run") as caught:
        runs.find_run(str(folder / part))
    assert caught.value.hint == f"name the run: {folder}"


def test_a_folder_of_runs_is_answered_with_one_of_them():
    folder = make(steps=(1,))
    with pytest.raises(NotFound, match="the folder is not a run") as caught:
        runs.find_run(str(folder.parent))
    assert caught.value.hint == f"name one of the runs in it: {folder}"


def test_the_latest_run_is_the_one_that_saved_last():
    now = time.time()
    older = make(steps=(1, 2), at=now - 10)
    newer = make(steps=(1,), at=now - 5)
    ant = make("brax:ant", steps=(1,), at=now - 20)
    make()  # saved nothing
    assert runs.latest_run() == newer
    assert runs.latest_run(env="brax:ant") == ant
    assert runs.latest_run(env="barkour") is None
    os.utime(older / "checkpoints" / f"step_{2:012d}", (now, now))
    assert runs.latest_run() == older


def test_of_every_run_one_checkpoint_is_looked_at(monkeypatch):
    folders = [make(steps=range(1, 50)) for _ in range(3)]
    looked, usual = [], Path.stat
    monkeypatch.setattr(Path, "stat", lambda at, **how: looked.append(at) or usual(at, **how))
    assert runs.latest_run() in folders
    assert {at.name for at in looked if at.name.startswith("step_")} == {f"step_{49:012d}"}


def test_no_runs_are_no_error(tmp_path):
    assert runs.latest_run() is None
    assert runs.names() == []


def test_provenance_says_how_and_with_what():
    told = runs.provenance()
    assert told["packages"]["rlctl"]
    assert told["packages"]["numpy"]
    assert told["argv"] == sys.argv
    assert told["created"].endswith("+00:00")


def test_git_is_told_where_there_is_one(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    assert runs._git(tmp_path) is None
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "start")
    assert runs._git(tmp_path) == {"commit": git("rev-parse", "HEAD"), "dirty": False}
    (tmp_path / "new").write_text("")
    assert runs._git(tmp_path)["dirty"] is True


def test_a_kill_before_the_settings_were_written_leaves_the_folder_free(tmp_path):
    for name in ("lock", ".config.json.99.tmp"):
        (tmp_path / name).write_text("half")
    with Run.create("pendulum", "ppo", 0, tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_what_killed_processes_left_is_swept(tmp_path):
    with Run.create("pendulum", "ppo", 0, tmp_path / "run") as run:
        run.write_config({})
    left = (tmp_path / "run" / ".config.json.99.tmp", tmp_path / "run" / ".metrics.jsonl.99.tmp")
    for path in left:
        path.write_text("half")
    with Run.open(tmp_path / "run"):
        assert not any(path.exists() for path in left)
