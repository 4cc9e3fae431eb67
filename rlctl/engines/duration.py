"""How long a training will take: measured in a few seconds of it that leave nothing behind."""

import math
import os
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rlctl.core.metrics import Metrics
from rlctl.core.progress import Progress
from rlctl.engines import evaluations
from rlctl.engines.trainer import Trainer

LEARNING, EVALUATING = 2.0, 1.0  # seconds to measure


class Nowhere:
    """A run that writes nothing."""

    def __init__(self) -> None:
        self.folder = self.checkpoints = Path(os.devnull)
        self.metrics = Metrics(Path(os.devnull))


@dataclass(frozen=True)
class Probe:
    """What was measured, and what follows from it.

    Attributes:
        measured_seconds: Seconds of collecting and learning, after everything was compiled.
        measured_updates: Updates made in them.
        steps_per_second: Environment steps per second of collecting and learning.
        start_seconds: Seconds of building and compiling, up to the end of the first update.
        evaluation_seconds: Seconds of one evaluation with episodes of full length; 0 without any.
        expected_seconds: Seconds that the whole training will take.
    """

    measured_seconds: float
    measured_updates: int
    steps_per_second: float
    start_seconds: float
    evaluation_seconds: float
    expected_seconds: float


class _Enough(Exception):
    """Ends an evaluation of which enough was measured."""


def probe(make: Callable[[], Trainer], progress: Progress) -> dict[str, Any]:
    """Train for about two seconds, evaluate for one, and predict the rest.

    Args:
        make: Builds the training, on a `Nowhere` run.
        progress: Told of phases.

    Raises:
        RlctlError: What the training itself would raise.
    """
    began = time.perf_counter()
    with progress.phase("build"):
        training = make()
    with closing(training):
        with progress.phase("compile"):
            _update(training)
        start = time.perf_counter() - began
        with progress.phase("probe"):
            updates, spent = _learn(training)
            evaluation = _evaluation(training) if training.plan.eval_every else 0.0
    plan = training.plan
    rate = updates * plan.steps_per_update / spent
    expected = start + plan.steps / rate + evaluations.count(plan) * evaluation
    return asdict(Probe(spent, updates, rate, start, evaluation, expected))


def _update(training: Trainer) -> None:
    """Collect and improve once, as the loop does."""
    experience, _ = training.collect()
    training.state.learner = training.improve(experience)


def _learn(training: Trainer) -> tuple[int, float]:
    """Make updates for about two seconds; return their number and the seconds."""
    began, updates, spent = time.perf_counter(), 0, 0.0
    while spent < LEARNING:
        _update(training)
        updates, spent = updates + 1, time.perf_counter() - began
    return updates, spent


def _evaluation(training: Trainer) -> float:
    """Return the seconds of an evaluation, measured if it is short, else predicted."""
    times: list[float] = []

    def count(*step: Any) -> None:
        times.append(time.perf_counter())
        if len(times) > 1 and times[-1] - times[0] > EVALUATING:
            raise _Enough

    began = time.perf_counter()
    try:
        training.play(count)
    except _Enough:
        rounds = math.ceil(training.plan.eval_episodes / training.eval_driver.num_envs)
        steps = rounds * training.eval_driver.spec.episode_length
        return steps * (times[-1] - times[0]) / (len(times) - 1)
    return time.perf_counter() - began
