"""When the learning curves are drawn."""

from pathlib import Path

import pytest

from rlctl.callbacks import plot

EVAL, SAVE = {"event": "eval"}, {"event": "checkpoint"}


@pytest.fixture
def curves(stage):
    curves = plot.Plot(stage.info())
    yield curves
    curves.close()


def test_at_most_once_a_minute(stage, curves, monkeypatch):
    now = plot.time.monotonic()
    times = iter([now + 1, now + plot.EVERY + 1, now + plot.EVERY + 2, now + 2 * plot.EVERY + 2])
    monkeypatch.setattr(plot.time, "monotonic", lambda: next(times))
    for event, count in ((EVAL, 0), (SAVE, 1), (EVAL, 1), (EVAL, 2)):
        curves.on_event(event)
        curves._side.wait(lambda: False)
        assert len(stage.drawings()) == count
    assert stage.drawings()[0][0][:2] == ["plot", "run"]
    assert Path("run/plot.png").read_text() == "drawn"


def test_never_two_at_once(stage, curves, monkeypatch):
    monkeypatch.setattr(plot, "EVERY", 0.0)
    Path("hold").touch()
    curves.on_event(EVAL)
    stage.until(stage.drawings)
    curves.on_event(EVAL)
    assert len(stage.drawings()) == 1


def test_not_between_evaluations(stage, curves, monkeypatch):
    monkeypatch.setattr(plot, "EVERY", 0.0)
    curves.on_event({"event": "progress"})
    curves.on_event({"event": "phase", "name": "save"})
    assert not curves._side.busy


def test_the_end_is_drawn_whatever_was_before(stage, curves, monkeypatch):
    monkeypatch.setattr(plot, "EVERY", 0.0)
    Path("hold").touch()
    curves.on_event(EVAL)
    stage.until(stage.drawings)
    Path("hold").unlink()
    curves.finish(ValueError("the training failed"))
    assert Path("run/plot.png").read_text() == "drawn"
    assert stage.told("phase") == [{"event": "phase", "name": "plot"}]


def test_without_news_nothing_is_drawn(stage, curves):
    curves.on_event({"event": "start"})
    curves.finish(None)
    assert stage.drawings() == []
