"""Tests of resuming: a stopped and resumed training ends bit for bit like an uninterrupted one."""

import errno
import itertools
import os
import time
from pathlib import Path

import pytest
from checkpoints.sample_checkpoints import flip
from resuming import ALGOS, UPDATES, begin, differences, newest, per_update, resume, small
from stopping import after_updates, hooks_that_stop, in_phase

from rlctl.checkpoints import store
from rlctl.core.errors import Damaged, OutOfSpace, Stopped, StoppedUnsaved
from rlctl.core.metrics import Metrics
from rlctl.core.progress import Progress
from rlctl.engines import async_checkpointer, environments, interruptible
from rlctl.engines.api import Hooks

ENV = "inverted-pendulum"  # an untrained policy falls early, so evaluations are short


@pytest.fixture(scope="module")
def wholes(tmp_path_factory):
    """Run an uninterrupted training of each engine."""
    folder = tmp_path_factory.mktemp("wholes")
    return {algo: begin(small(ENV, algo, folder / algo)) for algo in ALGOS}


@pytest.mark.parametrize("phase", ["rollout", "update", "eval", "save"])
@pytest.mark.parametrize("algo", ALGOS)
def test_stopped_in_any_phase(algo, phase, wholes):
    with pytest.raises(Stopped):
        begin(small(ENV, algo, Path("run")), in_phase(phase, 2))
    assert newest(resume(Path("run"))).step == newest(wholes[algo]).step
    assert differences(wholes[algo], Path("run")) == []


@pytest.mark.parametrize("algo", ALGOS)
def test_stopped_in_the_middle_of_work_that_goes_on_by_itself(algo, wholes, monkeypatch):
    """The state after the last update is saved, whatever the worker thread does later."""
    monkeypatch.setattr(interruptible, "STOP_POLL_SECONDS", 1e-4)
    slowly = interruptible.InterruptibleThread._submit

    def begin_slowly(self, task, *args):
        return slowly(self, lambda: (time.sleep(0.01), task(*args))[1])

    monkeypatch.setattr(interruptible.InterruptibleThread, "_submit", begin_slowly)
    with pytest.raises(Stopped):
        begin(small(ENV, algo, Path("run")), in_phase("update", 2, delay=0.005))
    resume(Path("run"))
    assert differences(wholes[algo], Path("run")) == []


def test_an_evaluation_cut_off_again_and_again_is_made_up_for(wholes):
    request = small(ENV, "ppo", Path("run"))
    with pytest.raises(Stopped):
        begin(request, in_phase("eval", 2))
    cut = newest(Path("run"))
    assert cut.manifest["evaluated"] < cut.step
    with pytest.raises(Stopped):
        resume(Path("run"), in_phase("eval", 1))
    with pytest.raises(Stopped):
        resume(Path("run"), hooks_that_stop(lambda event: event["event"] == "eval"))
    made_up = newest(Path("run"))
    assert made_up.step == made_up.manifest["evaluated"] == cut.step
    assert made_up.manifest["files"] == cut.manifest["files"]
    resume(Path("run"))
    assert differences(wholes["ppo"], Path("run")) == []


@pytest.mark.parametrize("phase", ["build", "compile"])
def test_stopped_before_anything_was_saved_it_begins_anew(phase, wholes):
    with pytest.raises(StoppedUnsaved) as stopped:
        begin(small(ENV, "ppo", Path("run")), in_phase(phase, 1))
    assert stopped.value.hint == "rlctl train --resume run"
    assert store.steps(Path("run/checkpoints")) == []
    resume(Path("run"))
    assert differences(wholes["ppo"], Path("run")) == []


def test_stopped_before_anything_new_nothing_is_lost(wholes):
    with pytest.raises(Stopped):
        begin(small(ENV, "ppo", Path("run")), after_updates(3))
    with pytest.raises(Stopped, match="everything is saved"):
        resume(Path("run"), in_phase("build", 1))
    resume(Path("run"))
    assert differences(wholes["ppo"], Path("run")) == []


def test_from_a_checkpoint_before_the_damaged_ones(wholes):
    begin(small(ENV, "ppo", Path("run")))
    folder = Path("run/checkpoints")
    for step in store.steps(folder)[1:]:
        flip(store.step_folder(folder, step) / "envs.safetensors")
    skipped = []
    resume(Path("run"), Hooks(Progress(lambda event: skipped.append(event.get("message", "")))))
    assert sum("skipped" in message for message in skipped) == 2
    assert differences(wholes["ppo"], Path("run")) == []


def test_damaged_ones_alone_are_no_reason_to_begin_anew():
    begin(small(ENV, "ppo", Path("run")))
    for step in store.steps(Path("run/checkpoints")):
        flip(store.step_folder(Path("run/checkpoints"), step) / "envs.safetensors")
    with pytest.raises(Damaged):
        resume(Path("run"))


class FullDisk:
    """`store.save` on a disk that is full for some steps."""

    def __init__(self, full):
        self.full = full

    def save(self, folder, step, facts, groups):
        if self.full(step):
            raise OutOfSpace(f"no space left to write {folder}", os.strerror(errno.ENOSPC))
        return store.save(folder, step, facts, groups)

    def __getattr__(self, name):
        return getattr(store, name)


def test_a_full_disk_costs_a_checkpoint_and_not_the_training(wholes, monkeypatch):
    end = newest(wholes["ppo"]).step
    monkeypatch.setattr(async_checkpointer, "store", FullDisk(lambda step: step < end))
    events = []
    begin(small(ENV, "ppo", Path("run")), Hooks(Progress(events.append)))
    warnings = [event["message"] for event in events if event["event"] == "warning"]
    assert sum("NOT SAVED: no space left" in message for message in warnings) >= 2
    assert [event["steps"] for event in events if event["event"] == "checkpoint"] == [end]
    assert store.steps(Path("run/checkpoints")) == [end]


def test_a_best_that_was_not_saved_is_none(monkeypatch):
    play, lost = environments.Evaluator.run, UPDATES * per_update("ppo") // 3
    falling = itertools.count(0, -1)

    def ever_worse(self, policy):
        summary = play(self, policy)
        return {**summary, "return": {**summary["return"], "mean": next(falling)}}

    monkeypatch.setattr(environments.Evaluator, "run", ever_worse)
    monkeypatch.setattr(async_checkpointer, "store", FullDisk(lambda step: step == lost))
    begin(small(ENV, "ppo", Path("run"), "train.save_every=80", "train.keep_last=9"))
    rows = Metrics(Path("run/metrics.jsonl")).rows()
    assert next(row["steps"] for row in rows if row["kind"] == "eval") == lost
    found, folder = newest(Path("run")).manifest["best"], Path("run/checkpoints")
    assert found["step"] in store.steps(folder)
    assert store.best(folder).path == store.step_folder(folder, found["step"])


@pytest.mark.parametrize("stop_at", [None, 3])
def test_a_last_state_that_cannot_be_saved_is_an_error(stop_at, monkeypatch):
    monkeypatch.setattr(async_checkpointer, "store", FullDisk(lambda step: step > 100))
    hooks = after_updates(stop_at) if stop_at else None
    with pytest.raises(OutOfSpace) as error:
        begin(small(ENV, "ppo", Path("run"), "train.save_every=80"), hooks)
    assert error.value.exit_code == 9
    assert error.value.data["checkpoint"] == "run/checkpoints/step_000000000080"
