"""Trainings that are asked to stop at a moment of their own choosing."""

import signal

from rlctl.core.progress import Progress
from rlctl.engines.base import Hooks


def hooks_that_stop(when):
    """Hooks whose stop flag rises with the first event that `when(event)` is true of."""
    risen = []

    def listen(event):
        if not risen and when(event):
            risen.append(signal.SIGTERM)

    return Hooks(Progress(listen), lambda: risen[0] if risen else None)


def after_updates(count):
    """Hooks that stop a training once so many updates of its process are done."""
    done = []

    def when(event):
        done.extend([event] * (event["event"] == "progress"))
        return len(done) >= count

    return hooks_that_stop(when)
