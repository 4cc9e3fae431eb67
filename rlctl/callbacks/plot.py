"""Callback that plots the learning curves into the run's folder during the training."""

import time
from importlib.util import find_spec

from rlctl.callbacks.background_job import BackgroundJob
from rlctl.callbacks.base import TrainingInfo
from rlctl.core.progress import Event

NAME = "plot.png"  # the default output of `rlctl plot`
EVERY = 60.0  # least seconds between two plots: one takes about a second of processor time


def is_available() -> bool:
    """Tell whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


class Plot:
    """Plots after an evaluation or a save, and when the training has ended."""

    def __init__(self, training: TrainingInfo) -> None:
        self._folder, self._progress = training.folder, training.progress
        self._job = BackgroundJob(training.folder / ".plot", training.progress)
        self._last_plot = time.monotonic()
        self._has_new_rows = False

    def on_event(self, event: Event) -> None:
        self._has_new_rows = self._has_new_rows or event["event"] in ("progress", "eval")
        if event["event"] in ("eval", "checkpoint") and not self._job.busy:
            now = time.monotonic()
            if now - self._last_plot >= EVERY:
                self._last_plot = now
                self._start()

    def finish(self, error: Exception | None) -> None:
        if self._has_new_rows:
            with self._progress.phase("plot"):
                self._start(low_priority=False)
                self._job.wait(lambda: False)

    def close(self) -> None:
        self._job.close()

    def _start(self, low_priority: bool = True) -> None:
        self._job.start(("plot", str(self._folder)), self._folder / NAME, low_priority)
