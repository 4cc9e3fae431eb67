"""Progress of library calls: a bar on terminals, and Python warnings."""

import io
import sys

import pytest

import rlctl
from rlctl.actions.listener import Listener
from rlctl.api.progress import Bar

EVENTS = (
    {"event": "phase", "name": "compile"},
    {"event": "start", "steps": 0, "total": 100},
    {"event": "phase", "name": "rollout"},
    {"event": "progress", "steps": 50, "total": 100, "return": 12.5},
    {"event": "progress", "steps": 102, "total": 100, "return": None},
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(wanted, stream, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    with Bar(wanted) as bar:
        for event in EVENTS:
            bar.on_event(event)
        bar.stopping("SIGINT: stopping")
    return stream.getvalue()


def test_a_terminal_shows_phase_steps_and_return(monkeypatch):
    text = shown(True, Terminal(), monkeypatch)
    for part in ("compile", "train", "100/100", "return=12.5", "stopping"):
        assert part in text


def test_a_video_counts_steps_and_then_frames(monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    with Bar(True) as bar:
        for unit in ("steps", "frames"):
            for done in (0, 20, 20):
                bar.on_event({"event": "progress", "steps": done, "total": 20, "unit": unit})
    assert "steps/s" in stream.getvalue()
    assert "frames/s" in stream.getvalue()


@pytest.mark.parametrize(("wanted", "stream"), [(False, Terminal()), (True, io.StringIO())])
def test_nothing_is_shown_where_nobody_looks_or_wants_it(wanted, stream, monkeypatch):
    assert shown(wanted, stream, monkeypatch) == ""


def test_warnings_are_pythons():
    with Bar(False) as bar, pytest.warns(rlctl.RlctlWarning, match="mind this"):
        bar.on_event({"event": "warning", "message": "mind this"})


def test_a_warning_that_is_an_error_ends_a_training_as_any_error_does():
    with Bar(False) as bar:
        listener = Listener(bar.on_event)
        listener({"event": "warning", "message": "mind this"})
    assert listener.stopped
    with pytest.raises(rlctl.RlctlWarning, match="mind this"):
        listener.raise_error()
