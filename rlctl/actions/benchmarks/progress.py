"""Progress over all trainings of a benchmark."""

import time

from rlctl.actions.benchmarks import results
from rlctl.actions.benchmarks.trainings import Ended, Event, Task
from rlctl.core.progress import Progress

_REPORT_INTERVAL = 0.5  # seconds between two progress events


class BenchmarkProgress:
    """Combines the events of all trainings into progress events of the benchmark.

    Args:
        progress: Receives the events.
        steps: Steps of one training.
        count: Number of trainings.
        finished: Number of trainings that were finished before.
    """

    def __init__(self, progress: Progress, steps: int, count: int, finished: int) -> None:
        self._progress, self._steps_each = progress, steps
        self._count, self._ended = count, finished
        self._done = finished * steps
        self._steps: dict[str, int] = {}
        self._rates: dict[str, float] = {}
        self._last_report = 0.0
        self._report()

    def on_event(self, task: Task, event: Event) -> None:
        """Handle an event of a training."""
        if event["event"] == "warning":
            self._progress.event("warning", message=f"{task.name}: {event['message']}")
        if event["event"] in ("start", "progress"):
            self._steps[task.name] = event.get("steps", 0)
            self._rates[task.name] = event.get("steps_per_second") or 0.0
        if time.monotonic() - self._last_report >= _REPORT_INTERVAL:
            self._report()

    def on_end(self, ended: Ended) -> None:
        """Report the result of a training that has ended."""
        self._rates.pop(ended.task.name, None)
        self._ended += 1
        run = ended.task.folder
        result = None
        if (run / "config.json").is_file():
            result = results.read_result(ended.task.env, ended.task.seed, run, self._steps_each)
        self._progress.event(
            "run",
            name=ended.task.name,
            code=ended.code,
            error=ended.error,
            run=str(run),
            steps=result.steps if result else 0,
            seconds=result.seconds if result else 0.0,
            score=result.final.mean if result else None,
            ended=self._ended,
            count=self._count,
        )
        self._report()

    def _report(self) -> None:
        self._last_report = time.monotonic()
        self._progress.event(
            "progress",
            steps=self._done + sum(self._steps.values()),
            total=self._count * self._steps_each,
            steps_per_second=sum(self._rates.values()),
        )
