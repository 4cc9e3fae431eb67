"""Episode statistics in JAX: lengths, time limits, sums of rewards, non-finite values.

Shapes: N environments, O observation. Pure functions on the whole batch.
"""

import operator
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rlctl.core.errors import Diverged
from rlctl.physics.base import ArrayLike
from rlctl.rollouts.base import Episodes, joint_spread

FINITE, BAD_PHYSICS, BAD_OBSERVATION, BAD_REWARD = range(4)
BAD_NAMES = ("", "physics state", "observation", "reward")


class EpisodeStats(NamedTuple):
    """Running episode of every environment.

    Field names are part of the names of checkpoint members, as is `book` in a driver's state.

    Attributes:
        clock: (N,) int32, counted towards the time limit; ahead of `length` where staggered.
        length: (N,) int32, steps so far.
        return_: (N,) float32, sum of rewards so far.
        terms: Name -> (N,) float32, sum of each reward term so far.
    """

    clock: jax.Array
    length: jax.Array
    return_: jax.Array
    terms: dict[str, jax.Array]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class EpisodeSums:
    """Sums over finished episodes, all () float32; see rollouts.base.Episodes."""

    count: jax.Array
    returns: jax.Array
    spread: jax.Array
    lengths: jax.Array
    terms: dict[str, jax.Array]


class StepOutcome(NamedTuple):
    """Result of a step with the time limit applied, (N,) float32 each; `bad` is (N,) int32."""

    reward: ArrayLike
    terminated: ArrayLike
    truncated: ArrayLike
    metrics: Mapping[str, ArrayLike]
    bad: ArrayLike

    @property
    def done(self) -> jax.Array:
        """1 where the episode terminated or was truncated, (N,)."""
        return jnp.maximum(self.terminated, self.truncated)


def initial_stats(num_envs: int, terms: tuple[str, ...]) -> EpisodeStats:
    """Return statistics of episodes that have just started."""
    zeros = jnp.zeros(num_envs, jnp.float32)
    counts = jnp.zeros(num_envs, jnp.int32)
    return EpisodeStats(counts, counts, zeros, dict.fromkeys(terms, zeros))


def stagger(
    stats: EpisodeStats, indices: np.ndarray, num_envs: int, episode_length: int
) -> EpisodeStats:
    """Spread the clocks of environments `indices` (n,) of N evenly over the time limit."""
    clocks = indices.astype(np.int64) * episode_length // num_envs
    return stats._replace(clock=jnp.asarray(clocks, jnp.int32))


def find_nonfinite(
    physics: dict[str, jax.Array], observation: jax.Array, reward: jax.Array, failed: jax.Array
) -> jax.Array:
    """Return which quantity of each environment is not finite, (N,) int32; FINITE if none is.

    If several are not, the physics is named before the observation and the reward: it is the cause.

    Args:
        physics: State fields (N, ...).
        observation: (N, O).
        reward: (N,).
        failed: (N,) bool, the physics could not be stepped.
    """

    def nonfinite(x: jax.Array) -> jax.Array:
        return ~jnp.isfinite(x.reshape(x.shape[0], -1)).all(axis=1)

    bad = jnp.where(nonfinite(reward), BAD_REWARD, FINITE)
    bad = jnp.where(nonfinite(observation), BAD_OBSERVATION, bad)
    for field in physics.values():
        bad = jnp.where(nonfinite(field), BAD_PHYSICS, bad)
    return jnp.where(failed, BAD_PHYSICS, bad)


def diverged_error(bad: np.ndarray, first: int, step: int) -> Diverged:
    """Return the error that names the first non-finite environment of one step.

    Args:
        bad: (n,) int from find_nonfinite, not all FINITE.
        first: Index of the first of these environments.
        step: Control step.
    """
    rows = np.flatnonzero(bad)
    quantity, environment = BAD_NAMES[bad[rows[0]]], first + int(rows[0])
    return Diverged(
        f"the {quantity} of environment {environment} is not finite at step {step} "
        f"({len(rows)} of {len(bad)} environments)",
        "lower the physics timestep, or bound what the policy does",
        data={"quantity": quantity, "environment": environment, "step": step},
    )


def step_episodes(
    stats: EpisodeStats,
    reward: jax.Array,
    terminated: jax.Array,
    metrics: dict[str, jax.Array],
    bad: jax.Array,
    episode_length: int,
) -> tuple[EpisodeStats, StepOutcome, EpisodeSums]:
    """Update episode statistics with one step, and truncate at the time limit.

    An environment with a non-finite quantity is truncated, with no reward for the step.

    Returns:
        The statistics, reset where an episode ended; the step's outcome; sums over the episodes
        that ended.
    """
    good = bad == FINITE
    # Selected rather than multiplied by 0: 0 * nan is nan.
    reward = jnp.where(good, reward, 0.0)
    terminated = jnp.where(good, terminated, 0.0)
    metrics = {name: jnp.where(good, term, 0.0) for name, term in metrics.items()}

    clock, length = stats.clock + 1, stats.length + 1
    over = (clock >= episode_length) | ~good
    # Termination wins: a terminal state must not be bootstrapped by the critic.
    truncated = jnp.where(terminated > 0, 0.0, over.astype(jnp.float32))
    outcome = StepOutcome(reward, terminated, truncated, metrics, bad)

    return_ = stats.return_ + reward
    terms = {name: total + metrics[name] for name, total in stats.terms.items()}
    done = outcome.done
    count, returns = done.sum(), (return_ * done).sum()
    sums = EpisodeSums(
        count=count,
        returns=returns,
        # About the mean of this step's episodes: sums of squares would cancel in float32.
        spread=(jnp.square(return_ - returns / jnp.maximum(count, 1.0)) * done).sum(),
        lengths=(length.astype(jnp.float32) * done).sum(),
        terms={name: (term * done).sum() for name, term in terms.items()},
    )
    running = 1.0 - done
    stats = EpisodeStats(
        clock=jnp.where(done > 0, 0, clock),
        length=jnp.where(done > 0, 0, length),
        return_=return_ * running,
        terms={name: term * running for name, term in terms.items()},
    )
    return stats, outcome, sums


def zero_sums(terms: tuple[str, ...]) -> EpisodeSums:
    """Return sums over no episodes."""
    zero = jnp.zeros((), jnp.float32)
    return EpisodeSums(zero, zero, zero, zero, dict.fromkeys(terms, zero))


def add_sums(a: EpisodeSums, b: EpisodeSums) -> EpisodeSums:
    """Add the sums of two groups of episodes."""
    return replace(jax.tree.map(operator.add, a, b), spread=joint_spread(a, b, jnp.maximum))


def to_episodes(sums: EpisodeSums, nonfinite: int, warnings: int) -> Episodes:
    """Convert sums to plain numbers."""
    return Episodes(
        count=int(sums.count),
        returns=float(sums.returns),
        spread=float(sums.spread),
        lengths=float(sums.lengths),
        terms={name: float(value) for name, value in sums.terms.items()},
        nonfinite=nonfinite,
        warnings=warnings,
    )
