"""Estimate of a training's duration: a few seconds of it are measured and nothing is written."""

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

UPDATE_SECONDS, EVAL_SECONDS = 2.0, 1.0  # how long updates and an evaluation are measured


class NullRun:
    """A run that writes nothing."""

    def __init__(self) -> None:
        self.checkpoints = Path(os.devnull)
        self.metrics = Metrics(Path(os.devnull))


@dataclass(frozen=True)
class DurationEstimate:
    """Measured rates of a training and its predicted duration.

    Attributes:
        measured_seconds: Seconds of collecting and learning, after everything was compiled.
        measured_updates: Updates in these seconds.
        steps_per_second: Environment steps per second of collecting and learning.
        start_seconds: Seconds of building and compiling, up to the end of the first update.
        evaluation_seconds: Seconds of one evaluation with episodes of full length; 0 without any.
        expected_seconds: Predicted seconds of the whole training.
    """

    measured_seconds: float
    measured_updates: int
    steps_per_second: float
    start_seconds: float
    evaluation_seconds: float
    expected_seconds: float


class _EnoughMeasured(Exception):
    """Raised to end an evaluation once enough of it is measured."""


def estimate_duration(make_trainer: Callable[[], Trainer], progress: Progress) -> dict[str, Any]:
    """Train for about two seconds, evaluate for one, and predict the duration of the whole.

    Args:
        make_trainer: Builds the trainer, on a `NullRun`.
        progress: Receives phases.

    Returns:
        The members of `DurationEstimate`.

    Raises:
        RlctlError: Whatever the training itself would raise.
    """
    began = time.perf_counter()
    with progress.phase("build"):
        trainer = make_trainer()
    with closing(trainer):
        with progress.phase("compile"):
            _update(trainer)
        start = time.perf_counter() - began
        with progress.phase("probe"):
            updates, spent = _measure_updates(trainer)
            evaluation = _measure_evaluation(trainer) if trainer.evaluator is not None else 0.0
    plan = trainer.plan
    rate = updates * plan.steps_per_update / spent
    expected = start + plan.steps / rate + evaluations.count_evals(plan) * evaluation
    return asdict(DurationEstimate(spent, updates, rate, start, evaluation, expected))


def _update(trainer: Trainer) -> None:
    """Collect and update once, as the loop does."""
    experience, _ = trainer.collect()
    trainer.state.learner = trainer.update(experience)


def _measure_updates(trainer: Trainer) -> tuple[int, float]:
    """Run updates for about two seconds; return their number and the seconds."""
    began, updates, spent = time.perf_counter(), 0, 0.0
    while spent < UPDATE_SECONDS:
        _update(trainer)
        updates, spent = updates + 1, time.perf_counter() - began
    return updates, spent


def _measure_evaluation(trainer: Trainer) -> float:
    """Return the seconds of an evaluation: measured if it is short, otherwise extrapolated."""
    assert trainer.evaluator is not None
    driver = trainer.evaluator.driver
    times: list[float] = []

    def on_step(*_: Any) -> None:
        times.append(time.perf_counter())
        if len(times) > 1 and times[-1] - times[0] > EVAL_SECONDS:
            raise _EnoughMeasured

    began = time.perf_counter()
    try:
        trainer.evaluator.run(trainer.policy(), on_step)
    except _EnoughMeasured:
        rounds = math.ceil(trainer.plan.eval_episodes / driver.num_envs)
        steps = rounds * driver.spec.episode_length
        return steps * (times[-1] - times[0]) / (len(times) - 1)
    return time.perf_counter() - began
