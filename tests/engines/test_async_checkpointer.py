"""Checkpoints written beside the training."""

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
def told():
    return []


@pytest.fixture
def saver(tmp_path, told):
    with_thread = AsyncCheckpointer(tmp_path / "checkpoints", 2, 0, Progress(told.append))
    yield with_thread
    with_thread.close()


def content(step, best=None, evaluated=-1):
    named = best and {"step": best, "return": float(best)}
    return facts(step, step=step, best=named, evaluated=evaluated), groups(step)


def save(saver, step, **more):
    saver.begin(*content(step, **more))
    saver.finish()


def test_the_training_goes_on_while_a_checkpoint_is_written(saver, told, monkeypatch, tmp_path):
    write, release = store.save, threading.Event()
    monkeypatch.setattr(store, "save", lambda *args: (release.wait(60), write(*args))[1])
    saver.begin(*content(1))
    saver.look()
    assert told == []
    release.set()
    saver.look(wait=True)
    path = str(tmp_path / "checkpoints" / "step_000000000001")
    assert told == [{"event": "checkpoint", "steps": 1, "path": path, "best": False}]


def test_the_best_is_marked_and_old_ones_are_deleted(saver, tmp_path):
    for step in (1, 2, 3, 4, 5):
        save(saver, step, best=min(step, 2))
    assert saver.best["step"] == 2
    folder = tmp_path / "checkpoints"
    assert store.steps(folder) == [2, 4, 5]
    assert store.best(folder) == store.step_folder(folder, 2)


def test_a_step_is_written_once_and_again_when_it_was_evaluated(saver, told):
    assert not saver.has(1, -1)
    saver.begin(*content(1))
    assert saver.has(1, -1)
    saver.finish()
    assert saver.has(1, -1)
    assert not saver.has(1, 1)
    save(saver, 1, evaluated=1)
    assert saver.has(1, 1)
    assert [event["steps"] for event in told] == [1, 1]


def test_what_is_wrong_with_a_save_is_told_at_the_next_look(saver):
    bad, arrays = content(1)
    arrays["policy"]["normalizer/mean"][0] = float("nan")
    saver.begin(bad, arrays)
    with pytest.raises(Diverged):
        saver.look(wait=True)


def test_no_space_is_a_warning_until_the_last(saver, told, monkeypatch):
    write = store.save

    def full(*args):
        raise OutOfSpace("no space left to write x", os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store, "save", full)
    saver.begin(*content(1, best=1))
    assert saver.look(wait=True) == 1
    assert [event["event"] for event in told] == ["warning"]
    with pytest.raises(OutOfSpace):
        save(saver, 3)
    assert not saver.has(3, -1)
    assert saver.best is None
    monkeypatch.setattr(store, "save", write)
    save(saver, 3)
    assert told[-1]["steps"] == 3


def test_a_hint_that_cannot_be_written_does_not_unsave(saver, told, monkeypatch):
    def full(*args):
        raise OutOfSpace("no space left to write best")

    monkeypatch.setattr(store, "mark_best", full)
    save(saver, 1, best=1)
    assert [event["event"] for event in told] == ["checkpoint", "warning"]


def test_little_space_is_told_before_there_is_none(saver, told, monkeypatch):
    usage = namedtuple("usage", "free")
    for step, free in enumerate([10**9, 5000, 4000, 10**9, 3000]):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: usage(free))
        save(saver, step)
    kinds = [event["event"] for event in told]
    assert kinds == ["checkpoint"] * 2 + ["warning"] + ["checkpoint"] * 3 + ["warning"]
    assert "too few for two more checkpoints" in told[2]["message"]
