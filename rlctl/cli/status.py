"""Progress status, accumulated from events; progress displays render it."""

import math
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rlctl.cli.eta import SmoothEta, StepTime

Event = dict[str, Any]
EVAL_COST = 0.5  # time of an evaluation step over that of a training step, before the first one
_WORK = {"rollout": "collecting", "update": "learning", "eval": "evaluating"}


@dataclass(frozen=True)
class Evaluation:
    """Result of one evaluation.

    Attributes:
        steps: Environment steps of the training at that time.
        mean: Mean return; nan if unknown.
        std: Standard deviation of the return over episodes; nan if unknown.
        episodes: Number of episodes; 0 if unknown.
        seconds: Seconds since the first event.
        best: Whether no earlier evaluation had a higher mean.
    """

    steps: int
    mean: float
    std: float
    episodes: int
    seconds: float
    best: bool


class Status:
    """State of the work after the events so far.

    Args:
        clock: Returns seconds, from any origin.

    Attributes:
        phase: The current phase.
        start: The `start` event of a training; {} for other work.
        metrics: The newest value of every member of `progress` events.
        evaluations: All evaluations in order.
        best: The best evaluation; None before the first.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = self._phase_since = clock()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._step_time, self._eta = StepTime(), SmoothEta()
        self._plan: Event = {}
        self._reports = 0
        self.phase = ""
        self.start: Event = {}
        self.metrics: Event = {}
        self.evaluations: list[Evaluation] = []
        self.best: Evaluation | None = None

    def on_event(self, event: Event) -> None:
        """Update the status with an event."""
        kind = event["event"]
        if kind == "phase":
            self._enter_phase(event["name"])
            if not self.start:  # other work restarts its count in every phase
                self.metrics, self._step_time, self._eta = {}, StepTime(), SmoothEta()
        elif kind == "start":
            self.start, self.metrics = event, {name: event.get(name) for name in ("steps", "total")}
        elif kind == "plan":
            self._plan = event
        elif kind == "progress":
            self.metrics |= {name: value for name, value in event.items() if value is not None}
            evaluating = self._seconds_in("eval") if self.start else 0.0
            self._reports += 1
            self._step_time.update(self.steps, self.elapsed - evaluating)
            self._update_eta()
        elif kind == "eval":
            self._add_evaluation(event)

    @property
    def steps(self) -> int:
        """Steps done."""
        return self.metrics.get("steps") or 0

    @property
    def total(self) -> int:
        """Steps in all; 0 if unknown."""
        return self.metrics.get("total") or 0

    @property
    def fraction(self) -> float:
        """Fraction done, 0 to 1."""
        return min(self.steps / self.total, 1.0) if self.total else 0.0

    @property
    def unit(self) -> str:
        """Unit of the count."""
        return self.metrics.get("unit", "steps")

    @property
    def elapsed(self) -> float:
        """Seconds since the first event."""
        return self._clock() - self._began

    @property
    def phase_seconds(self) -> float:
        """Seconds since the phase began."""
        return self._clock() - self._phase_since

    @property
    def remaining(self) -> float | None:
        """Seconds until the end, including evaluations; None if there is no estimate yet."""
        return self._eta.remaining(self._clock()) if 0 < self.fraction < 1 else None

    @property
    def rate(self) -> float | None:
        """Steps per second; None until the second report, because the first includes compiling."""
        begun = not self.start or self._reports > 1
        return self.metrics.get("steps_per_second") or None if begun else None

    @property
    def planned_evaluations(self) -> int:
        """Evaluations in all; 0 if unknown."""
        return self._plan.get("evals", 0)

    @property
    def target(self) -> float | None:
        """Target return of the training; None if there is none."""
        return self._plan.get("target_return")

    def time_split(self) -> dict[str, float]:
        """Return the fractions of time spent collecting, learning and evaluating."""
        seconds = {word: self._seconds_in(phase) for phase, word in _WORK.items()}
        total = sum(seconds.values())
        return {word: part / total for word, part in seconds.items()} if total else {}

    def _enter_phase(self, phase: str) -> None:
        now = self._clock()
        self._seconds[self.phase] += now - self._phase_since
        self.phase, self._phase_since = phase, now

    def _seconds_in(self, phase: str) -> float:
        return self._seconds[phase] + (self.phase_seconds if phase == self.phase else 0.0)

    def _add_evaluation(self, event: Event) -> None:
        score = event.get("return") or {}
        mean, std = (_float(score.get(name)) for name in ("mean", "std"))
        best = self.best is None or not mean <= self.best.mean
        evaluation = Evaluation(
            event.get("steps", 0), mean, std, event.get("episodes", 0), self.elapsed, best
        )
        self.evaluations.append(evaluation)
        if best:
            self.best = evaluation
        self._update_eta()

    def _update_eta(self) -> None:
        """Update the estimated end, once the step time is known."""
        if self.total and self._step_time.known:
            training = max(self.total - self.steps, 0) * self._step_time.seconds_per_step
            self._eta.update(self._clock(), training + self._evaluation_seconds())

    def _evaluation_seconds(self) -> float:
        """Return the seconds that the remaining evaluations will take."""
        every = self._plan.get("eval_every", 0)
        if not every or not self.total:
            return 0.0
        done = self.evaluations[-1].steps if self.evaluations else self.start.get("steps", 0)
        remaining = self.planned_evaluations - done // every
        if self.evaluations:
            each = self._seconds_in("eval") / len(self.evaluations)
        else:
            each = EVAL_COST * self._plan.get("eval_steps", 0) * self._step_time.seconds_per_step
        return max(remaining, 0) * each


def _float(value: Any) -> float:
    if hasattr(value, "item"):
        value = value.item()
    return float(value) if isinstance(value, (int, float)) else math.nan
