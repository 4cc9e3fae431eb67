"""The learning curves in the run's folder, drawn anew while the training goes on."""

import time
from importlib.util import find_spec

from rlctl.callbacks.background_job import BackgroundJob
from rlctl.callbacks.base import TrainingInfo
from rlctl.core.progress import Event

NAME = "plot.png"  # where `rlctl plot` draws a run
EVERY = 60.0  # seconds between two drawings at least: each takes one of processor time


def possible() -> bool:
    """Whether there is something to draw with."""
    return find_spec("matplotlib") is not None


class Plot:
    """Draws after an evaluation or a save, and when the training has ended."""

    def __init__(self, info: TrainingInfo) -> None:
        self._folder, self._progress = info.folder, info.progress
        self._side = BackgroundJob(info.folder / ".plot", info.progress)
        self._drawn = time.monotonic()
        self._news = False

    def on_event(self, event: Event) -> None:
        self._news = self._news or event["event"] in ("progress", "eval")
        if event["event"] in ("eval", "checkpoint") and not self._side.busy:
            now = time.monotonic()
            if now - self._drawn >= EVERY:
                self._drawn = now
                self._start()

    def finish(self, error: Exception | None) -> None:
        if self._news:
            with self._progress.phase("plot"):
                self._start(gently=False)
                self._side.wait(lambda: False)

    def close(self) -> None:
        self._side.close()

    def _start(self, gently: bool = True) -> None:
        self._side.start(("plot", str(self._folder)), self._folder / NAME, gently)
