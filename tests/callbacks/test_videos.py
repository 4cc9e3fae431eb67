"""Tests of the video callback: which checkpoints are rendered, also if deleted meanwhile."""

import os
import shutil
from pathlib import Path

import pytest

from rlctl.callbacks.videos import Videos
from rlctl.core.errors import Diverged, Stopped


@pytest.fixture
def make(training):
    callbacks = []

    def make(every=100, start=0):
        callbacks.append(Videos(training.info(f"train.video_every={every}", start=start)))
        return callbacks[-1]

    yield make
    for callback in callbacks:
        callback.close()


@pytest.fixture
def save(training):
    """Return a function that saves a checkpoint and reports it to a callback."""

    def save(callback, steps):
        path = training.folder / "checkpoints" / f"step_{steps:012d}"
        path.mkdir(parents=True)
        (path / "policy").write_text(f"policy of {steps}")
        callback.on_event({"event": "checkpoint", "steps": steps, "path": str(path), "best": False})
        return path

    return save


def rendered():
    folder = Path("run/videos")
    names = [name for name in os.listdir(folder) if name != ".drawing"] if folder.exists() else []
    return {int(name[5:17]): (folder / name).read_text() for name in names}


def wait(callback):
    callback._job.wait(lambda: False)


def test_checkpoints_that_cross_a_multiple_are_rendered(training, make, save):
    callback = make(every=100)
    for steps in (60, 110, 150, 330):
        save(callback, steps)
        wait(callback)
    assert rendered() == {110: "policy of 110", 330: "policy of 330"}
    assert [event["path"] for event in training.events_of("film")] == [
        f"run/videos/step_{steps:012d}.mp4" for steps in (110, 330)
    ]
    assert all("--cpu" in arguments for arguments, _ in training.commands())


def test_a_resumed_training_counts_from_its_start_step(training, make, save):
    callback = make(every=100, start=110)
    save(callback, 150)
    wait(callback)
    assert rendered() == {}


def test_a_checkpoint_may_be_deleted_while_it_is_rendered(training, make, save):
    Path("hold").touch()
    callback = make()
    path = save(callback, 100)
    shutil.rmtree(path)
    Path("hold").unlink()
    wait(callback)
    assert rendered() == {100: "policy of 100"}
    assert os.listdir("run/videos") == ["step_000000000100.mp4"]


def test_files_are_copied_where_hard_links_fail(training, make, save, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(1, "no links")))
    callback = make()
    save(callback, 100)
    wait(callback)
    assert rendered() == {100: "policy of 100"}


def test_a_checkpoint_is_skipped_while_another_is_rendered(training, make, save):
    Path("hold").touch()
    callback = make()
    for steps in (100, 200, 250):
        save(callback, steps)
    assert [event["message"] for event in training.events_of("note")] == [
        "no video of step 200: another is still being rendered"
    ]
    Path("hold").unlink()
    wait(callback)
    assert rendered() == {100: "policy of 100"}


def test_finish_waits_for_the_running_video_and_renders_the_last(training, make, save):
    Path("hold").touch()
    callback = make()
    for steps in (100, 150):
        save(callback, steps)
    training.wait_for(training.commands)
    Path("hold").unlink()
    callback.finish(None)
    assert rendered() == {100: "policy of 100", 150: "policy of 150"}
    assert training.events_of("phase")[0]["name"] == "film"
    assert "Ctrl-C" in training.events_of("note")[0]["message"]


@pytest.mark.parametrize("error", [Stopped("x"), Diverged("x")])
def test_finish_does_not_wait_after_an_error(training, make, save, error):
    Path("hold").touch()
    callback = make()
    for steps in (100, 150):
        save(callback, steps)
    Path("hold").unlink()
    callback.finish(error)
    callback.close()
    assert rendered() == {}


def test_ctrl_c_skips_the_last_video(training, make, save):
    Path("hold").touch()
    callback = make()
    save(callback, 100)
    callback._progress.event = lambda kind, **_: kind == "phase" and setattr(training, "signum", 2)
    callback.finish(None)
    callback.close()
    assert rendered() == {}
    assert os.listdir("run/videos") == []


def test_finish_without_checkpoints_does_nothing(training, make):
    make().finish(None)
    assert training.events == []
    assert training.commands() == []
