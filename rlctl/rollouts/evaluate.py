"""Whole episodes of a policy, counted without bias: every environment plays exactly one a round.

(Counting episodes as they finish would favour short ones.) numpy over the Driver protocol.
Shapes: E episodes, N environments, O observation, A action.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlctl.core.specs import EnvSpec, RatioMetric
from rlctl.policies.base import Policy, sample_noise
from rlctl.rollouts.base import Arrays, Driver, Step

BINS = 5  # of commands
ROUND_SEEDS = 1_000_003  # seeds of successive rounds lie this far apart


@dataclass(frozen=True)
class Evaluation:
    """What the episodes came to.

    Attributes:
        returns: (E,) sums of rewards.
        lengths: (E,) control steps.
        terminated: (E,) bool, ended by the environment rather than the time limit.
        terms: Name -> (E,) sums of the environment's terms.
        figures: The environment's figures, nan where there is nothing to divide by.
        tracking: How commands were met, None without any.
        seconds: Wall time.
        steps: Environment steps taken, those of episodes already over included.
    """

    returns: np.ndarray
    lengths: np.ndarray
    terminated: np.ndarray
    terms: Arrays
    figures: dict[RatioMetric, float]
    tracking: "Tracking | None"
    seconds: float
    steps: int

    def summary(self) -> dict[str, Any]:
        """Plain numbers for a report."""
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
                figure.name: {"mean": mean, "unit": figure.unit}
                for figure, mean in self.figures.items()
            },
            **({"tracking": self.tracking.summary()} if self.tracking else {}),
            "episodes": len(self.returns),
            "seconds": self.seconds,
            "steps_per_second": self.steps / max(self.seconds, 1e-9),
        }


@dataclass(frozen=True)
class Tracking:
    """How commands were met, at all S steps of all episodes.

    Attributes:
        names: The C components of a command.
        told: (S, C) what was commanded.
        achieved: (S, C) what came of it.
    """

    names: tuple[str, ...]
    told: np.ndarray
    achieved: np.ndarray

    def summary(self) -> dict[str, Any]:
        """Of every component: the mean absolute error, and figures by bins of what was told."""
        columns = zip(self.names, self.told.T, self.achieved.T, strict=True)
        return {
            name: {"error": float(np.abs(achieved - told).mean()), "bins": _bins(told, achieved)}
            for name, told, achieved in columns
        }


def _bins(told: np.ndarray, achieved: np.ndarray) -> list[dict[str, float]]:
    """Means over the steps of each bin of what was told (S,): equally wide, empty ones left out."""
    low, high = told.min(), told.max()
    width = (high - low) / BINS or 1.0
    numbers = np.minimum(((told - low) / width).astype(int), BINS - 1)
    rows = []
    for number in np.unique(numbers):
        here = numbers == number
        rows.append(
            {
                "told": float(told[here].mean()),
                "achieved": float(achieved[here].mean()),
                "error": float(np.abs(achieved - told)[here].mean()),
                "steps": int(here.sum()),
            }
        )
    return rows


def describe(x: np.ndarray) -> dict[str, Any]:
    """Mean, spread and the normal 95 % interval of the mean of samples (E,)."""
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
    on_step: Callable[[np.ndarray, np.ndarray, Step, np.ndarray], None] | None = None,
) -> Evaluation:
    """Play `episodes` episodes of `policy`, in rounds of the driver's N environments.

    Args:
        policy: Who acts.
        driver: Where; its time limit ends episodes.
        episodes: E.
        seed: Of initial states, environment noise and action noise.
        stochastic: Sample actions instead of taking their mean.
        on_step: Called with observation (N, O), action (N, A), the Step, and (N,) bool telling
            which environments were still in the round's episode.

    Returns:
        The evaluation.
    """
    start = time.perf_counter()
    rounds = [
        _round(policy, driver, seed + ROUND_SEEDS * i, stochastic, on_step)
        for i in range(math.ceil(episodes / driver.num_envs))
    ]
    joined = {
        name: np.concatenate([r[name] for r in rounds])[:episodes]
        for name in ("return", "length", "terminated")
    }
    none = np.zeros(driver.num_envs)
    metrics = {
        name: np.concatenate([r["metrics"].get(name, none) for r in rounds])[:episodes]
        for name in dict.fromkeys(name for r in rounds for name in r["metrics"])
    }
    return Evaluation(
        returns=joined["return"],
        lengths=joined["length"],
        terminated=joined["terminated"] > 0,
        terms={n: metric for n, metric in metrics.items() if n not in driver.spec.unrewarded},
        figures={f: _ratio(f, metrics, joined["length"]) for f in driver.spec.figures},
        tracking=_tracking(driver.spec, [pair for r in rounds for pair in r["tracking"]]),
        seconds=time.perf_counter() - start,
        steps=sum(r["steps"] for r in rounds),
    )


def _ratio(figure: RatioMetric, metrics: Arrays, lengths: np.ndarray) -> float:
    """A figure from the episodes' metrics and lengths (E,); nan with nothing to divide by."""
    over = (metrics[figure.per] if figure.per else lengths).sum()
    return float(metrics[figure.of].sum() / over) if over else math.nan


def _tracking(spec: EnvSpec, pairs: list[tuple[np.ndarray, np.ndarray]]) -> Tracking | None:
    """All that was told and achieved (n, C), if the environment shows what is achieved."""
    if not spec.achieved:
        return None
    return Tracking(spec.commands, *map(np.concatenate, zip(*pairs, strict=True)))


def _round(
    policy: Policy,
    driver: Driver,
    seed: int,
    stochastic: bool,
    on_step: Callable[[np.ndarray, np.ndarray, Step, np.ndarray], None] | None,
) -> dict[str, Any]:
    """One episode in every environment: sums (N,) by name, commands met, the steps taken."""
    n, achieved = driver.num_envs, list(driver.spec.achieved)
    rng = np.random.default_rng(seed)
    observation = driver.reset(seed)
    running = np.ones(n, bool)
    sums = {"return": np.zeros(n), "length": np.zeros(n), "terminated": np.zeros(n)}
    metrics = {name: np.zeros(n) for name in driver.spec.metrics}
    steps, tracking = 0, []
    while running.any():
        noise = sample_noise(policy.spec, rng, n) if stochastic else None
        action = policy.act(observation, noise=noise)
        told = driver.command() if achieved else None
        step = driver.step(action)
        if achieved:
            tracking.append((told[running], step.final_observation[running][:, achieved]))
        if on_step:
            on_step(observation, action, step, running)
        sums["return"] += step.reward * running
        sums["length"] += running
        sums["terminated"] += step.terminated & running
        for name, metric in step.metrics.items():
            metrics[name] = metrics.get(name, 0.0) + metric * running
        running = running & ~(step.terminated | step.truncated)
        observation = step.observation
        steps += n
    return {**sums, "metrics": metrics, "tracking": tracking, "steps": steps}
