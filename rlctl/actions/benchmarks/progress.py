"""How far all trainings of a benchmark are together."""

import time

from rlctl.actions.benchmarks import results
from rlctl.actions.benchmarks.trainings import Ended, Event, Task
from rlctl.core.progress import Progress

_TELL_EVERY = 0.5  # seconds between two words on how far all is


class BenchmarkProgress:
    """Hears every training, and tells of all of them as one.

    Args:
        progress: Told.
        steps: Steps of a training.
        count: Trainings in all.
        finished: How many of them are finished already.
    """

    def __init__(self, progress: Progress, steps: int, count: int, finished: int) -> None:
        self._progress, self._each = progress, steps
        self._count, self._ended = count, finished
        self._done = finished * steps
        self._steps: dict[str, int] = {}
        self._rates: dict[str, float] = {}
        self._told = 0.0
        self._tell()

    def on_event(self, task: Task, event: Event) -> None:
        """An event of a training."""
        if event["event"] == "warning":
            self._progress.event("warning", message=f"{task.name}: {event['message']}")
        if event["event"] in ("start", "progress"):
            self._steps[task.name] = event.get("steps", 0)
            self._rates[task.name] = event.get("steps_per_second") or 0.0
        if time.monotonic() - self._told >= _TELL_EVERY:
            self._tell()

    def ended(self, ended: Ended) -> None:
        """A training is over."""
        self._rates.pop(ended.task.name, None)
        self._ended += 1
        run = ended.task.folder
        record = None
        if (run / "config.json").is_file():
            record = results.read(ended.task.env, ended.task.seed, run, self._each)
        self._progress.event(
            "run",
            name=ended.task.name,
            code=ended.code,
            error=ended.error,
            run=str(run),
            steps=record.steps if record else 0,
            seconds=record.seconds if record else 0.0,
            score=record.final.mean if record else None,
            ended=self._ended,
            count=self._count,
        )
        self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        self._progress.event(
            "progress",
            steps=self._done + sum(self._steps.values()),
            total=self._count * self._each,
            steps_per_second=sum(self._rates.values()),
        )
