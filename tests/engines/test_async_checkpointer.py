"""Tests of the asynchronous checkpoint writer."""

import errno
import os
import shutil
import threading
from collections import namedtuple

import pytest
from checkpoints.sample_checkpoints import facts, groups

from rlctl.checkpoints import store
from rlctl.core.errors import Diverged, OutOfSpace
from rlctl.core.progress import Progress
from rlctl.engines.async_checkpointer import AsyncCheckpointer


@pytest.fixture
def events():
    return []


@pytest.fixture
def checkpointer(tmp_path, events):
    with_thread = AsyncCheckpointer(tmp_path / "checkpoints", 2, 0, Progress(events.append))
    yield with_thread
    with_thread.close()


def content(step, best=None, evaluated=-1):
    named = best and {"step": best, "return": float(best)}
    return facts(step, step=step, best=named, evaluated=evaluated), groups(step)


def save(checkpointer, step, **more):
    checkpointer.save(*content(step, **more))
    checkpointer.wait()


def test_the_training_goes_on_while_a_checkpoint_is_written(
    checkpointer, events, monkeypatch, tmp_path
):
    write, release = store.save, threading.Event()
    monkeypatch.setattr(store, "save", lambda *args: (release.wait(60), write(*args))[1])
    checkpointer.save(*content(1))
    checkpointer.poll()
    assert events == []
    release.set()
    checkpointer.poll(wait=True)
    path = str(tmp_path / "checkpoints" / "step_000000000001")
    assert events == [{"event": "checkpoint", "steps": 1, "path": path, "best": False}]


def test_the_best_is_marked_and_old_ones_are_deleted(checkpointer, tmp_path):
    for step in (1, 2, 3, 4, 5):
        save(checkpointer, step, best=min(step, 2))
    assert checkpointer.best["step"] == 2
    folder = tmp_path / "checkpoints"
    assert store.steps(folder) == [2, 4, 5]
    assert store.best(folder).path == store.step_folder(folder, 2)


def test_a_step_is_written_once_and_again_when_it_was_evaluated(checkpointer, events):
    assert not checkpointer.has(1, -1)
    checkpointer.save(*content(1))
    assert checkpointer.has(1, -1)
    checkpointer.wait()
    assert checkpointer.has(1, -1)
    assert not checkpointer.has(1, 1)
    save(checkpointer, 1, evaluated=1)
    assert checkpointer.has(1, 1)
    assert [event["steps"] for event in events] == [1, 1]


def test_an_error_of_a_save_is_raised_by_the_next_poll(checkpointer):
    bad, arrays = content(1)
    arrays["policy"]["normalizer/mean"][0] = float("nan")
    checkpointer.save(bad, arrays)
    with pytest.raises(Diverged):
        checkpointer.poll(wait=True)


def test_no_space_is_a_warning_until_the_last(checkpointer, events, monkeypatch):
    write = store.save

    def full(*args):
        raise OutOfSpace("no space left to write x", os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store, "save", full)
    checkpointer.save(*content(1, best=1))
    assert checkpointer.poll(wait=True) == 1
    assert [event["event"] for event in events] == ["warning"]
    with pytest.raises(OutOfSpace):
        save(checkpointer, 3)
    assert not checkpointer.has(3, -1)
    assert checkpointer.best is None
    monkeypatch.setattr(store, "save", write)
    save(checkpointer, 3)
    assert events[-1]["steps"] == 3


def test_a_best_link_that_cannot_be_written_is_a_warning(checkpointer, events, monkeypatch):
    def full(*args):
        raise OutOfSpace("no space left to write best")

    monkeypatch.setattr(store, "mark_best", full)
    save(checkpointer, 1, best=1)
    assert [event["event"] for event in events] == ["checkpoint", "warning"]


def test_low_disk_space_is_warned_of(checkpointer, events, monkeypatch):
    usage = namedtuple("usage", "free")
    for step, free in enumerate([10**9, 5000, 4000, 10**9, 3000]):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: usage(free))
        save(checkpointer, step)
    kinds = [event["event"] for event in events]
    assert kinds == ["checkpoint"] * 2 + ["warning"] + ["checkpoint"] * 3 + ["warning"]
    assert "too few for two more checkpoints" in events[2]["message"]
