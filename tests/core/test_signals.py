import os
import signal
import threading

import pytest

from rlctl.core.errors import StoppedUnsaved
from rlctl.core.signals import StopFlag


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_insists(signum):
    told = []
    with StopFlag(told.append) as stop:
        assert stop() is None
        os.kill(os.getpid(), signum)
        assert stop() == signum
        assert told == [signum.name]
        with pytest.raises(StoppedUnsaved, match="second signal"):
            os.kill(os.getpid(), signum)
        assert signal.getsignal(signum) is signal.SIG_DFL


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with StopFlag():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_request_stops_like_a_signal_and_does_not_replace_one():
    stop = StopFlag()
    stop.request(13)
    stop.request(15)
    assert stop() == 13


def test_outside_the_main_thread_nothing_is_caught():
    def work():
        with StopFlag() as stop:
            seen.append(stop())

    seen, before = [], signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [None]
    assert signal.getsignal(signal.SIGINT) is before
