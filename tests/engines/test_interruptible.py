"""Tests of the worker thread whose tasks a stop abandons."""

import signal
import threading
import time

import pytest

from rlctl.core.errors import StoppedUnsaved
from rlctl.engines.interruptible import Interrupted, InterruptibleThread


def test_it_gives_back_what_the_task_gives_or_raises():
    worker = InterruptibleThread(lambda: None)
    assert worker.run(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        worker.run(divmod, 7, 0)
    names = [worker.run(lambda: threading.current_thread().name) for _ in range(2)]
    worker.close(lambda: names.append("closed"))
    assert names == ["worker", "worker", "closed"]


def test_a_stop_ends_the_wait_for_a_task():
    asked, release, order = [], threading.Event(), []
    worker = InterruptibleThread(lambda: signal.SIGTERM if asked else None)

    def task():
        asked.append(1)
        release.wait(60)
        order.append("done")

    with pytest.raises(Interrupted) as stopped:
        worker.run(task)
    assert stopped.value.signum == signal.SIGTERM
    worker.close(lambda: order.append("closed"))  # which does not wait
    assert order == []
    release.set()
    while len(order) < 2:
        time.sleep(0.001)
    assert order == ["done", "closed"]


def test_after_a_stop_nothing_is_begun():
    worker = InterruptibleThread(lambda: signal.SIGINT)
    with pytest.raises(Interrupted):
        worker.run(pytest.fail, "it was begun")
    worker.close(lambda: None)


def test_what_takes_the_caller_away_leaves_the_task_to_itself():
    """A second signal raises in the main thread, wherever that is."""
    release = threading.Event()

    def insist():
        raise StoppedUnsaved("a second signal")

    asked = iter([lambda: None, insist])
    worker = InterruptibleThread(lambda: next(asked)())
    with pytest.raises(StoppedUnsaved):
        worker.run(release.wait, 60)
    worker.close(lambda: None)
    release.set()
