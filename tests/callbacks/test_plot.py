"""Tests of the plot callback: when it plots."""

from pathlib import Path

import pytest

from rlctl.callbacks import plot

EVAL, SAVE = {"event": "eval"}, {"event": "checkpoint"}


@pytest.fixture
def callback(training):
    callback = plot.Plot(training.info())
    yield callback
    callback.close()


def test_plots_at_most_once_a_minute(training, callback, monkeypatch):
    now = plot.time.monotonic()
    times = iter([now + 1, now + plot.EVERY + 1, now + plot.EVERY + 2, now + 2 * plot.EVERY + 2])
    monkeypatch.setattr(plot.time, "monotonic", lambda: next(times))
    for event, count in ((EVAL, 0), (SAVE, 1), (EVAL, 1), (EVAL, 2)):
        callback.on_event(event)
        callback._job.wait(lambda: False)
        assert len(training.commands()) == count
    assert training.commands()[0][0][:2] == ["plot", "run"]
    assert Path("run/plot.png").read_text() == "done"


def test_never_runs_two_plots_concurrently(training, callback, monkeypatch):
    monkeypatch.setattr(plot, "EVERY", 0.0)
    Path("hold").touch()
    callback.on_event(EVAL)
    training.wait_for(training.commands)
    callback.on_event(EVAL)
    assert len(training.commands()) == 1


def test_ignores_events_between_evaluations(training, callback, monkeypatch):
    monkeypatch.setattr(plot, "EVERY", 0.0)
    callback.on_event({"event": "progress"})
    callback.on_event({"event": "phase", "name": "save"})
    assert not callback._job.busy


def test_plots_at_the_end_even_after_an_error(training, callback, monkeypatch):
    monkeypatch.setattr(plot, "EVERY", 0.0)
    Path("hold").touch()
    callback.on_event(EVAL)
    training.wait_for(training.commands)
    Path("hold").unlink()
    callback.finish(ValueError("the training failed"))
    assert Path("run/plot.png").read_text() == "done"
    assert training.events_of("phase") == [{"event": "phase", "name": "plot"}]


def test_plots_nothing_without_new_rows(training, callback):
    callback.on_event({"event": "start"})
    callback.finish(None)
    assert training.commands() == []
