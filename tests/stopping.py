"""Trainings that are asked to stop at a moment of their own choosing."""

import signal
import time

from rlctl.core.progress import Progress
from rlctl.engines.api import Hooks


def hooks_that_stop(when, delay=0.0):
    """Hooks whose stop flag rises `delay` seconds after the first event that `when` is true of."""
    risen = []

    def listen(event):
        if not risen and when(event):
            risen.append(time.perf_counter() + delay)

    def stop():
        return signal.SIGTERM if risen and time.perf_counter() >= risen[0] else None

    return Hooks(Progress(listen), stop)


def nth(count, when):
    """Whether it is the n-th event that `when` is true of, or a later one."""
    seen = []

    def reached(event):
        seen.extend([event] * bool(when(event)))
        return len(seen) >= count

    return reached


def after_updates(count):
    """Hooks that stop a training once so many updates of its process are done."""
    return hooks_that_stop(nth(count, lambda event: event["event"] == "progress"))


def in_phase(name, count=1, delay=0.0):
    """Hooks that stop a training when it has entered a phase for the n-th time."""
    here = {"event": "phase", "name": name}
    return hooks_that_stop(nth(count, lambda event: event == here), delay)
