"""Tests of background jobs: low priority, one at a time, no partial output."""

import os
from pathlib import Path

import pytest

from rlctl.callbacks.background_job import BackgroundJob

COMMAND = ("plot", "run")


@pytest.fixture
def job(training):
    job = BackgroundJob(Path("run/.temp"), training.progress, training.events.append)
    yield job
    job.close()


def test_arguments_and_process_group(training, job):
    job.start(COMMAND, Path("run/a.png"))
    job.wait(lambda: False)
    ((arguments, (_, group, session)),) = training.commands()
    assert arguments == ["plot", "run", "--out", "run/.temp/a.png", "--json", "--quiet"]
    assert group != os.getpgid(0)
    assert session == os.getsid(0)
    assert training.events == [Path("run/a.png")]
    assert not job.temp_folder.exists()


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="where there are such policies")
@pytest.mark.parametrize("low_priority", [True, False])
def test_scheduling_policy(training, job, low_priority):
    Path("hold").touch()
    job.start(COMMAND, Path("run/a.png"), low_priority)
    training.wait_for(training.commands)
    policy = os.sched_getscheduler(training.commands()[0][1][0])
    assert policy == (os.SCHED_IDLE if low_priority else os.sched_getscheduler(0))


def test_output_appears_only_when_complete(training, job):
    Path("hold").touch()
    Path("run/a.png").write_text("before")
    job.start(COMMAND, Path("run/a.png"))
    assert job.busy
    assert Path("run/a.png").read_text() == "before"
    Path("hold").unlink()
    job.wait(lambda: False)
    assert not job.busy
    assert Path("run/a.png").read_text() == "done"


def test_close_kills_the_command_and_cleans_up(training, job):
    Path("hold").touch()
    job.start(COMMAND, Path("run/a.png"))
    training.wait_for(training.commands)
    job.wait(lambda: True)
    assert job.busy
    job.close()
    assert os.listdir("run") == []
    with pytest.raises(ProcessLookupError):
        os.kill(training.commands()[0][1][0], 0)


def test_restart_at_normal_priority(training, job):
    job.restart_at_normal_priority()
    Path("hold").touch()
    job.start(COMMAND, Path("run/a.png"))
    training.wait_for(training.commands)
    job.restart_at_normal_priority()
    Path("hold").unlink()
    job.wait(lambda: False)
    (first, (one, *_)), (second, (other, *_)) = training.commands()
    assert first == second
    assert one != other
    assert Path("run/a.png").read_text() == "done"


@pytest.mark.parametrize(("how", "reason"), [("fail", "out of memory"), ("crash", "exit code 1")])
def test_only_the_first_failure_is_warned_about(training, job, how, reason):
    Path(how).touch()
    for _ in range(2):
        job.start(COMMAND, Path("run/a.png"))
        job.wait(lambda: False)
    assert training.events == [{"event": "warning", "message": f"a.png was not written: {reason}"}]
    assert os.listdir("run") == []


def test_leftovers_of_a_killed_training_are_deleted(training):
    Path("run/.temp/step_1").mkdir(parents=True)
    BackgroundJob(Path("run/.temp"), training.progress)
    assert os.listdir("run") == []
