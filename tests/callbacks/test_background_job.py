"""What draws beside a training: gently, one at a time, whole or not at all."""

import os
from pathlib import Path

import pytest

from rlctl.callbacks.background_job import BackgroundJob

WORK = ("plot", "run")


@pytest.fixture
def side(stage):
    side = BackgroundJob(Path("run/.room"), stage.progress, stage.heard.append)
    yield side
    side.close()


def test_it_is_told_what_to_draw_and_hears_no_ctrl_c(stage, side):
    side.start(WORK, Path("run/a.png"))
    side.wait(lambda: False)
    ((arguments, (_, group, session)),) = stage.drawings()
    assert arguments == ["plot", "run", "--out", "run/.room/a.png", "--json", "--quiet"]
    assert group != os.getpgid(0)
    assert session == os.getsid(0)
    assert stage.heard == [Path("run/a.png")]
    assert not side.room.exists()


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="where there are such policies")
@pytest.mark.parametrize("gently", [True, False])
def test_it_runs_when_nobody_else_does_unless_it_hurries(stage, side, gently):
    Path("hold").touch()
    side.start(WORK, Path("run/a.png"), gently)
    stage.until(stage.drawings)
    policy = os.sched_getscheduler(stage.drawings()[0][1][0])
    assert policy == (os.SCHED_IDLE if gently else os.sched_getscheduler(0))


def test_nothing_is_there_before_it_is_whole(stage, side):
    Path("hold").touch()
    Path("run/a.png").write_text("before")
    side.start(WORK, Path("run/a.png"))
    assert side.busy
    assert Path("run/a.png").read_text() == "before"
    Path("hold").unlink()
    side.wait(lambda: False)
    assert not side.busy
    assert Path("run/a.png").read_text() == "drawn"


def test_giving_up_ends_it_and_cleans_up(stage, side):
    Path("hold").touch()
    side.start(WORK, Path("run/a.png"))
    stage.until(stage.drawings)
    side.wait(lambda: True)
    assert side.busy
    side.close()
    assert os.listdir("run") == []
    with pytest.raises(ProcessLookupError):
        os.kill(stage.drawings()[0][1][0], 0)


def test_hurrying_begins_anew(stage, side):
    side.hurry()
    Path("hold").touch()
    side.start(WORK, Path("run/a.png"))
    stage.until(stage.drawings)
    side.hurry()
    Path("hold").unlink()
    side.wait(lambda: False)
    (first, (one, *_)), (second, (other, *_)) = stage.drawings()
    assert first == second
    assert one != other
    assert Path("run/a.png").read_text() == "drawn"


@pytest.mark.parametrize(("how", "why"), [("fail", "out of paint"), ("crash", "exit 1")])
def test_failures_are_told_once(stage, side, how, why):
    Path(how).touch()
    for _ in range(2):
        side.start(WORK, Path("run/a.png"))
        side.wait(lambda: False)
    assert stage.heard == [{"event": "warning", "message": f"no a.png: {why}"}]
    assert os.listdir("run") == []


def test_what_a_killed_training_left_is_swept(stage):
    Path("run/.room/step_1").mkdir(parents=True)
    BackgroundJob(Path("run/.room"), stage.progress)
    assert os.listdir("run") == []
