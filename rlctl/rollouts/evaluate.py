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

from rlctl.policies.base import Policy, draw_noise
from rlctl.rollouts.base import Arrays, Driver, Step

ROUND_SEEDS = 1_000_003  # seeds of successive rounds lie this far apart


@dataclass(frozen=True)
class Evaluation:
    """What the episodes came to.

    Attributes:
        returns: (E,) sums of rewards.
        lengths: (E,) control steps.
        terminated: (E,) bool, ended by the environment rather than the time limit.
        terms: Name -> (E,) sums of the environment's metrics.
        seconds: Wall time.
        steps: Environment steps taken, those of episodes already over included.
    """

    returns: np.ndarray
    lengths: np.ndarray
    terminated: np.ndarray
    terms: Arrays
    seconds: float
    steps: int

    def summary(self) -> dict[str, Any]:
        """Plain numbers for a report."""
        return {
            "return": describe(self.returns),
            "length": describe(self.lengths),
            "terminated": float(self.terminated.mean()),
            "terms": {
                name: {"mean": float(x.mean()), "std": float(x.std())}
                for name, x in self.terms.items()
            },
            "episodes": len(self.returns),
            "seconds": self.seconds,
            "steps_per_second": self.steps / max(self.seconds, 1e-9),
        }


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
    return Evaluation(
        returns=joined["return"],
        lengths=joined["length"],
        terminated=joined["terminated"] > 0,
        terms={
            name: np.concatenate([r["terms"][name] for r in rounds])[:episodes]
            for name in driver.spec.terms
        },
        seconds=time.perf_counter() - start,
        steps=sum(r["steps"] for r in rounds),
    )


def _round(
    policy: Policy,
    driver: Driver,
    seed: int,
    stochastic: bool,
    on_step: Callable[[np.ndarray, np.ndarray, Step, np.ndarray], None] | None,
) -> dict[str, Any]:
    """One episode in every environment: sums (N,) by name, and the steps taken."""
    n = driver.num_envs
    rng = np.random.default_rng(seed)
    observation = driver.reset(seed)
    running = np.ones(n, bool)
    sums = {"return": np.zeros(n), "length": np.zeros(n), "terminated": np.zeros(n)}
    terms = {name: np.zeros(n) for name in driver.spec.terms}
    steps = 0
    while running.any():
        noise = draw_noise(policy.spec, rng, n) if stochastic else None
        action = policy.act(observation, noise=noise)
        step = driver.step(action)
        if on_step:
            on_step(observation, action, step, running)
        sums["return"] += step.reward * running
        sums["length"] += running
        sums["terminated"] += step.terminated & running
        for name, term in step.metrics.items():
            terms[name] += term * running
        running = running & ~(step.terminated | step.truncated)
        observation = step.observation
        steps += n
    return {**sums, "terms": terms, "steps": steps}
