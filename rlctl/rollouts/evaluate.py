"""Unbiased evaluation of a policy: every environment plays exactly one episode per round.

Counting episodes as they finish would favour short ones. numpy over the Driver protocol.
Shapes: E episodes, N environments, O observation, A action.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlctl.core.specs import EnvSpec, RatioMetric
from rlctl.policies.base import Policy
from rlctl.rollouts.base import Arrays, Driver, Step
from rlctl.rollouts.commands import CommandSchedule
from rlctl.rollouts.session import Session, act_of

BINS = 5  # bins of commands in tracking reports
OnStep = Callable[[np.ndarray, np.ndarray, Step, np.ndarray], None]  # see `evaluate`
ROUND_SEEDS = 1_000_003  # distance between the seeds of successive rounds


@dataclass(frozen=True)
class Evaluation:
    """Results of an evaluation.

    Attributes:
        returns: (E,) sums of rewards.
        lengths: (E,) control steps.
        terminated: (E,) bool, ended by the environment rather than the time limit.
        terms: Name -> (E,) sums of the reward terms.
        eval_metrics: Evaluation metrics of the environment, nan where the denominator is 0.
        tracking: Command tracking, None without commands.
        seconds: Wall time.
        steps: Environment steps taken, including those of environments that wait for a round's end.
    """

    returns: np.ndarray
    lengths: np.ndarray
    terminated: np.ndarray
    terms: Arrays
    eval_metrics: dict[RatioMetric, float]
    tracking: "Tracking | None"
    seconds: float
    steps: int

    def summary(self) -> dict[str, Any]:
        """Return plain numbers for a report."""
        return {
            "return": describe(self.returns),
            "length": describe(self.lengths),
            "terminated": float(self.terminated.mean()),
            "terminated_episodes": int(self.terminated.sum()),
            "terms": {
                name: {"mean": float(x.mean()), "std": float(x.std())}
                for name, x in self.terms.items()
            },
            "figures": {
                metric.name: {"mean": value, "unit": metric.unit}
                for metric, value in self.eval_metrics.items()
            },
            **({"tracking": self.tracking.summary()} if self.tracking else {}),
            "episodes": len(self.returns),
            "seconds": self.seconds,
            "steps_per_second": self.steps / max(self.seconds, 1e-9),
        }


@dataclass(frozen=True)
class Tracking:
    """Command tracking, over all S steps of all episodes.

    Attributes:
        names: Names of the C components of a command.
        commanded: (S, C).
        achieved: (S, C) measured, in the command's units.
    """

    names: tuple[str, ...]
    commanded: np.ndarray
    achieved: np.ndarray

    def summary(self) -> dict[str, Any]:
        """Return per component the mean absolute error, and means by bins of the command."""
        columns = zip(self.names, self.commanded.T, self.achieved.T, strict=True)
        return {
            name: {
                "error": float(np.abs(achieved - commanded).mean()),
                "bins": _bins(commanded, achieved),
            }
            for name, commanded, achieved in columns
        }


def _bins(commanded: np.ndarray, achieved: np.ndarray) -> list[dict[str, float]]:
    """Average over bins of the command (S,) of equal width, without empty bins."""
    low, high = commanded.min(), commanded.max()
    width = (high - low) / BINS or 1.0
    numbers = np.minimum(((commanded - low) / width).astype(int), BINS - 1)
    rows = []
    for number in np.unique(numbers):
        in_bin = numbers == number
        rows.append(
            {
                "told": float(commanded[in_bin].mean()),
                "achieved": float(achieved[in_bin].mean()),
                "error": float(np.abs(achieved - commanded)[in_bin].mean()),
                "steps": int(in_bin.sum()),
            }
        )
    return rows


def describe(x: np.ndarray) -> dict[str, Any]:
    """Return mean, standard deviation, range and the normal 95 % interval of the mean of x (E,)."""
    mean, std = float(x.mean()), float(x.std())
    half = 1.96 * std / math.sqrt(len(x))
    return {
        "mean": mean,
        "std": std,
        "min": float(x.min()),
        "max": float(x.max()),
        "ci95": [mean - half, mean + half],
    }


def evaluate(
    policy: Policy,
    driver: Driver,
    episodes: int,
    seed: int,
    stochastic: bool = False,
    on_step: OnStep | None = None,
    schedule: CommandSchedule | None = None,
) -> Evaluation:
    """Play `episodes` episodes of `policy`, in rounds of the driver's N environments.

    Args:
        policy: The policy.
        driver: The environments; their time limit ends episodes.
        episodes: E.
        seed: Seed of initial states, environment noise and action noise.
        stochastic: Sample actions instead of taking their mean.
        on_step: Called with observation (N, O), action (N, A), the Step, and (N,) bool, True where
            the round's episode had not ended before this step.
        schedule: Commands that every episode follows; None for those of the environment.
    """
    start = time.perf_counter()
    rounds = [
        _round(policy, driver, seed + ROUND_SEEDS * i, stochastic, on_step, schedule)
        for i in range(math.ceil(episodes / driver.num_envs))
    ]
    joined = {
        name: np.concatenate([r[name] for r in rounds])[:episodes]
        for name in ("return", "length", "terminated")
    }
    # Terms may appear late, in one round and not another: they count 0 before.
    none = np.zeros(driver.num_envs)
    metrics = {
        name: np.concatenate([r["metrics"].get(name, none) for r in rounds])[:episodes]
        for name in dict.fromkeys(name for r in rounds for name in r["metrics"])
    }
    return Evaluation(
        returns=joined["return"],
        lengths=joined["length"],
        terminated=joined["terminated"] > 0,
        terms={
            n: metric for n, metric in metrics.items() if n not in driver.spec.eval_only_metrics
        },
        eval_metrics={m: _ratio(m, metrics, joined["length"]) for m in driver.spec.eval_metrics},
        tracking=_tracking(driver.spec, [pair for r in rounds for pair in r["tracking"]]),
        seconds=time.perf_counter() - start,
        steps=sum(r["steps"] for r in rounds),
    )


def _ratio(metric: RatioMetric, metrics: Arrays, lengths: np.ndarray) -> float:
    """Compute a ratio from per-episode metrics and lengths (E,); nan if the denominator is 0."""
    divisor = (metrics[metric.denominator] if metric.denominator else lengths).sum()
    return float(metrics[metric.numerator].sum() / divisor) if divisor else math.nan


def _tracking(spec: EnvSpec, pairs: list[tuple[np.ndarray, np.ndarray]]) -> Tracking | None:
    """Join pairs of commanded and achieved (n, C), if the environment observes the latter."""
    if not spec.achieved:
        return None
    return Tracking(spec.commands, *map(np.concatenate, zip(*pairs, strict=True)))


def _round(
    policy: Policy,
    driver: Driver,
    seed: int,
    stochastic: bool,
    on_step: OnStep | None,
    schedule: CommandSchedule | None,
) -> dict[str, Any]:
    """Play one episode in every environment: sums (N,) by name, tracking pairs, steps taken."""
    n, achieved = driver.num_envs, list(driver.spec.achieved)
    rng = np.random.default_rng(seed) if stochastic else None
    session = Session(driver, act_of(policy, rng), schedule)
    session.reset(seed)
    running = np.ones(n, bool)
    sums = {"return": np.zeros(n), "length": np.zeros(n), "terminated": np.zeros(n)}
    metrics = {name: np.zeros(n) for name in driver.spec.metrics}
    steps, tracking = 0, []
    while running.any():
        observation, command = session.observation, driver.command() if achieved else None
        chosen, step = session.step()
        if command is not None:
            tracking.append((command[running], step.final_observation[running][:, achieved]))
        if on_step:
            on_step(observation, chosen.action, step, running)
        sums["return"] += step.reward * running
        sums["length"] += running
        sums["terminated"] += step.terminated & running
        for name, metric in step.metrics.items():
            metrics[name] = metrics.get(name, 0.0) + metric * running
        running = running & ~(step.terminated | step.truncated)
        steps += n
    return {**sums, "metrics": metrics, "tracking": tracking, "steps": steps}
