"""How far a piece of work is, put together from its events: what displays show."""

import math
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rlctl.cli.eta import End, Pace

Event = dict[str, Any]
EVAL_COST = 0.5  # of a training step: a step of an evaluation, until one was seen
_WORK = {"rollout": "collecting", "update": "learning", "eval": "evaluating"}


@dataclass(frozen=True)
class Evaluation:
    """An evaluation as it was told.

    Attributes:
        steps: The training's at that time.
        mean: Mean return; nan where it is not known.
        std: Standard deviation of the return over episodes, nan where it is not known.
        episodes: How many, 0 where that is not known.
        seconds: Since the work began.
        best: Whether none before had a higher mean.
    """

    steps: int
    mean: float
    std: float
    episodes: int
    seconds: float
    best: bool


class Status:
    """What the events so far come to.

    Args:
        clock: Seconds, of any origin.

    Attributes:
        phase: The one under way.
        start: The event `start` of a training, {} of other work.
        row: The newest value of every member of `progress` events.
        evaluations: All of them, the first one first.
        best: The best of them, None before any.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = self._phase_since = clock()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._pace, self._end = Pace(), End()
        self._plan: Event = {}
        self._reports = 0
        self.phase = ""
        self.start: Event = {}
        self.row: Event = {}
        self.evaluations: list[Evaluation] = []
        self.best: Evaluation | None = None

    def on_event(self, event: Event) -> None:
        """Take an event in."""
        kind = event["event"]
        if kind == "phase":
            self._turn(event["name"])
            if not self.start:  # other work counts anew in every phase
                self.row, self._pace, self._end = {}, Pace(), End()
        elif kind == "start":
            self.start, self.row = event, {name: event.get(name) for name in ("steps", "total")}
        elif kind == "plan":
            self._plan = event
        elif kind == "progress":
            self.row |= {name: value for name, value in event.items() if value is not None}
            apart = self._in("eval") if self.start else 0.0
            self._reports += 1
            self._pace.see(self.steps, self.elapsed - apart)
            self._foresee()
        elif kind == "eval":
            self._evaluated(event)

    @property
    def steps(self) -> int:
        """How many are done."""
        return self.row.get("steps") or 0

    @property
    def total(self) -> int:
        """How many there are to do, 0 where that is not known."""
        return self.row.get("total") or 0

    @property
    def share(self) -> float:
        """Done of all, 0 to 1."""
        return min(self.steps / self.total, 1.0) if self.total else 0.0

    @property
    def unit(self) -> str:
        """What is counted."""
        return self.row.get("unit", "steps")

    @property
    def elapsed(self) -> float:
        """Seconds since the first event."""
        return self._clock() - self._began

    @property
    def in_phase(self) -> float:
        """Seconds since the phase began."""
        return self._clock() - self._phase_since

    @property
    def left(self) -> float | None:
        """Seconds until all is done, evaluations included; None while that cannot be told."""
        return self._end.left(self._clock()) if 0 < self.share < 1 else None

    @property
    def rate(self) -> float | None:
        """Steps per second, None before anything but compiling is in it."""
        begun = not self.start or self._reports > 1
        return self.row.get("steps_per_second") or None if begun else None

    @property
    def planned_evaluations(self) -> int:
        """How many evaluations there will be in all, 0 where that is not known."""
        return self._plan.get("evals", 0)

    @property
    def target(self) -> float | None:
        """The evaluation return that the training is to reach, None for none."""
        return self._plan.get("target_return")

    def split(self) -> dict[str, float]:
        """The share of collecting, learning and evaluating in their time together."""
        seconds = {word: self._in(phase) for phase, word in _WORK.items()}
        whole = sum(seconds.values())
        return {word: part / whole for word, part in seconds.items()} if whole else {}

    def _turn(self, phase: str) -> None:
        now = self._clock()
        self._seconds[self.phase] += now - self._phase_since
        self.phase, self._phase_since = phase, now

    def _in(self, phase: str) -> float:
        return self._seconds[phase] + (self.in_phase if phase == self.phase else 0.0)

    def _evaluated(self, event: Event) -> None:
        score = event.get("return") or {}
        mean, std = (_float(score.get(name)) for name in ("mean", "std"))
        best = self.best is None or not mean <= self.best.mean
        found = Evaluation(
            event.get("steps", 0), mean, std, event.get("episodes", 0), self.elapsed, best
        )
        self.evaluations.append(found)
        if best:
            self.best = found
        self._foresee()

    def _foresee(self) -> None:
        """Tell the end anew, once the pace can be told."""
        if self.total and self._pace.known:
            ahead = max(self.total - self.steps, 0) * self._pace.cost + self._evaluating()
            self._end.follow(self._clock(), ahead)

    def _evaluating(self) -> float:
        """Seconds of the evaluations to come."""
        every = self._plan.get("eval_every", 0)
        if not every or not self.total:
            return 0.0
        done = self.evaluations[-1].steps if self.evaluations else self.start.get("steps", 0)
        coming = self.planned_evaluations - done // every
        if self.evaluations:
            each = self._in("eval") / len(self.evaluations)
        else:
            each = EVAL_COST * self._plan.get("eval_steps", 0) * self._pace.cost
        return max(coming, 0) * each


def _float(value: Any) -> float:
    if hasattr(value, "item"):
        value = value.item()
    return float(value) if isinstance(value, (int, float)) else math.nan
