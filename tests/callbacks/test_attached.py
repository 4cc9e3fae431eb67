"""Watchers hear everything, and whatever befalls them the training goes on."""

import pytest

from rlctl.callbacks.base import attached
from rlctl.core.errors import OutOfSpace, Stopped, StoppedUnsaved
from rlctl.core.progress import Progress


class Callback:
    def __init__(self, fails=()):
        self.calls, self.fails = [], fails

    def on_event(self, event):
        self._call("on_event", event["event"])

    def finish(self, error):
        self._call("finish", error)

    def close(self):
        self._call("close", None)

    def _call(self, name, what):
        self.calls.append((name, what))
        if name in self.fails:
            raise self.fails[name]


@pytest.fixture
def heard():
    return []


@pytest.fixture
def progress(heard):
    return Progress(heard.append)


def test_events_then_the_end(progress):
    callback = Callback()
    progress.event("before")
    with attached([callback], progress):
        progress.event("eval")
    progress.event("after")
    assert callback.calls == [("on_event", "eval"), ("finish", None), ("close", None)]


@pytest.mark.parametrize("error", [Stopped("a signal"), ValueError("a bug")])
def test_they_are_told_how_it_ended(progress, error):
    callback = Callback()
    with pytest.raises(type(error)), attached([callback], progress):
        raise error
    assert callback.calls == [("finish", error), ("close", None)]


@pytest.mark.parametrize("error", [StoppedUnsaved("twice"), KeyboardInterrupt()])
def test_who_insists_is_not_kept_waiting(progress, error):
    callback = Callback()
    with pytest.raises(type(error)), attached([callback], progress):
        raise error
    assert callback.calls == [("close", None)]


@pytest.mark.parametrize("error", [OSError("no space"), OutOfSpace("no space", "make room")])
@pytest.mark.parametrize("where", ["on_event", "finish"])
def test_one_that_fails_costs_a_warning_and_its_place(progress, heard, where, error):
    bad, good = Callback({where: error, "close": OSError("again")}), Callback()
    with attached([bad, good], progress):
        progress.event("eval")
        progress.event("eval")
    warnings = [event["message"] for event in heard if event["event"] == "warning"]
    assert warnings == ["Callback is off from here on: no space"]
    assert [name for name, _ in bad.calls].count(where) == 1
    assert [what for name, what in good.calls if what == "eval"] == ["eval", "eval"]
    assert ("finish", None) in good.calls


def test_a_second_signal_in_the_middle_of_an_event_ends_the_training(progress):
    with (
        pytest.raises(StoppedUnsaved),
        attached([Callback({"on_event": StoppedUnsaved("x")})], progress),
    ):
        progress.event("eval")


def test_a_second_signal_at_the_end_ends_only_the_waiting(progress):
    slow, other = Callback({"finish": StoppedUnsaved("twice")}), Callback()
    stop = Stopped("once")
    with pytest.raises(Stopped), attached([slow, other], progress):
        raise stop
    assert [name for name, _ in slow.calls] == ["finish", "close"]
    assert [name for name, _ in other.calls] == ["close"]
