"""Tests of attached callbacks: they receive all events, and their errors end no training."""

import pytest

from rlctl.callbacks.base import attached
from rlctl.core.errors import OutOfSpace, Stopped, StoppedUnsaved
from rlctl.core.progress import Progress


class Recorder:
    """Callback that records its calls and raises where told to."""

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
def events():
    return []


@pytest.fixture
def progress(events):
    return Progress(events.append)


def test_events_then_finish_then_close(progress):
    callback = Recorder()
    progress.event("before")
    with attached([callback], progress):
        progress.event("eval")
    progress.event("after")
    assert callback.calls == [("on_event", "eval"), ("finish", None), ("close", None)]


@pytest.mark.parametrize("error", [Stopped("a signal"), ValueError("a bug")])
def test_finish_receives_the_error(progress, error):
    callback = Recorder()
    with pytest.raises(type(error)), attached([callback], progress):
        raise error
    assert callback.calls == [("finish", error), ("close", None)]


@pytest.mark.parametrize("error", [StoppedUnsaved("twice"), KeyboardInterrupt()])
def test_a_second_stop_skips_finish(progress, error):
    callback = Recorder()
    with pytest.raises(type(error)), attached([callback], progress):
        raise error
    assert callback.calls == [("close", None)]


@pytest.mark.parametrize("error", [OSError("no space"), OutOfSpace("no space", "make room")])
@pytest.mark.parametrize("where", ["on_event", "finish"])
def test_a_failing_callback_is_detached_with_a_warning(progress, events, where, error):
    bad, good = Recorder({where: error, "close": OSError("again")}), Recorder()
    with attached([bad, good], progress):
        progress.event("eval")
        progress.event("eval")
    warnings = [event["message"] for event in events if event["event"] == "warning"]
    assert warnings == ["callback Recorder failed and is detached: no space"]
    assert [name for name, _ in bad.calls].count(where) == 1
    assert [what for name, what in good.calls if what == "eval"] == ["eval", "eval"]
    assert ("finish", None) in good.calls


def test_a_second_signal_during_an_event_ends_the_training(progress):
    with (
        pytest.raises(StoppedUnsaved),
        attached([Recorder({"on_event": StoppedUnsaved("x")})], progress),
    ):
        progress.event("eval")


def test_a_second_signal_during_finish_cancels_only_the_callbacks(progress):
    slow, other = Recorder({"finish": StoppedUnsaved("twice")}), Recorder()
    stop = Stopped("once")
    with pytest.raises(Stopped), attached([slow, other], progress):
        raise stop
    assert [name for name, _ in slow.calls] == ["finish", "close"]
    assert [name for name, _ in other.calls] == ["close"]
