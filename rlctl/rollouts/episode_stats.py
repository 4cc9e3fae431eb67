"""The bookkeeping of episodes, in JAX, shared by all drivers: lengths, time limits, sums, failures.

Shapes: N environments, O observation. Pure functions on the whole batch.
"""

import operator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rlctl.rollouts.base import Episodes, joint_spread

FINE, BAD_PHYSICS, BAD_OBSERVATION, BAD_REWARD = range(4)
BAD_NAMES = ("", "physics state", "observation", "reward")


class EpisodeStats(NamedTuple):
    """The running episode of every environment.

    Attributes:
        clock: (N,) int32, counted towards the time limit; ahead of `length` where staggered.
        length: (N,) int32, steps so far.
        return_: (N,) float32, rewards so far.
        terms: Name -> (N,) float32, the environment's terms so far.
    """

    clock: jax.Array
    length: jax.Array
    return_: jax.Array
    terms: dict[str, jax.Array]


class Ended(NamedTuple):
    """Sums over the episodes that ended, all () float32; see rollouts.base.Episodes."""

    count: jax.Array
    returns: jax.Array
    spread: jax.Array
    lengths: jax.Array
    terms: dict[str, jax.Array]


class Outcome(NamedTuple):
    """One step's result after bookkeeping, (N,) float32 each but `bad` (N,) int32."""

    reward: jax.Array
    terminated: jax.Array
    truncated: jax.Array
    metrics: dict[str, jax.Array]
    bad: jax.Array

    @property
    def done(self) -> jax.Array:
        """(N,), 1 where the episode ended either way."""
        return jnp.maximum(self.terminated, self.truncated)


def initial_stats(num_envs: int, terms: tuple[str, ...]) -> EpisodeStats:
    """All episodes at their start."""
    zeros = jnp.zeros(num_envs, jnp.float32)
    none = jnp.zeros(num_envs, jnp.int32)
    return EpisodeStats(none, none, zeros, dict.fromkeys(terms, zeros))


def staggered(
    book: EpisodeStats, indices: np.ndarray, num_envs: int, episode_length: int
) -> EpisodeStats:
    """The book with the clocks of environments `indices` (n,) of N spread over the time limit."""
    clocks = indices.astype(np.int64) * episode_length // num_envs
    return book._replace(clock=jnp.asarray(clocks, jnp.int32))


def find_bad(
    physics: dict[str, jax.Array], observation: jax.Array, reward: jax.Array, failed: jax.Array
) -> jax.Array:
    """Which quantity of each environment is not finite, (N,) int32; FINE where none is.

    Args:
        physics: State fields (N, ...).
        observation: (N, O).
        reward: (N,).
        failed: (N,) bool, the physics itself gave up.
    """

    def broken(x: jax.Array) -> jax.Array:
        return ~jnp.isfinite(x.reshape(x.shape[0], -1)).all(axis=1)

    bad = jnp.where(broken(reward), BAD_REWARD, FINE)
    bad = jnp.where(broken(observation), BAD_OBSERVATION, bad)
    for field in physics.values():
        bad = jnp.where(broken(field), BAD_PHYSICS, bad)
    return jnp.where(failed, BAD_PHYSICS, bad)


def settle(
    book: EpisodeStats,
    reward: jax.Array,
    terminated: jax.Array,
    metrics: dict[str, jax.Array],
    bad: jax.Array,
    episode_length: int,
) -> tuple[EpisodeStats, Outcome, Ended]:
    """Enter one step: truncate at the time limit, close the episodes that ended.

    An environment with a bad quantity counts as truncated, with no reward for the step.
    """
    good = bad == FINE
    reward = jnp.where(good, reward, 0.0)
    terminated = jnp.where(good, terminated, 0.0)
    metrics = {name: jnp.where(good, term, 0.0) for name, term in metrics.items()}

    clock, length = book.clock + 1, book.length + 1
    over = (clock >= episode_length) | ~good
    truncated = jnp.where(terminated > 0, 0.0, over.astype(jnp.float32))
    outcome = Outcome(reward, terminated, truncated, metrics, bad)

    return_ = book.return_ + reward
    terms = {name: total + metrics[name] for name, total in book.terms.items()}
    done = outcome.done
    count, returns = done.sum(), (return_ * done).sum()
    ended = Ended(
        count=count,
        returns=returns,
        spread=(jnp.square(return_ - returns / jnp.maximum(count, 1.0)) * done).sum(),
        lengths=(length.astype(jnp.float32) * done).sum(),
        terms={name: (term * done).sum() for name, term in terms.items()},
    )
    still = 1.0 - done
    book = EpisodeStats(
        clock=jnp.where(done > 0, 0, clock),
        length=jnp.where(done > 0, 0, length),
        return_=return_ * still,
        terms={name: term * still for name, term in terms.items()},
    )
    return book, outcome, ended


def no_episodes(terms: tuple[str, ...]) -> Ended:
    """No episode yet."""
    zero = jnp.zeros((), jnp.float32)
    return Ended(zero, zero, zero, zero, dict.fromkeys(terms, zero))


def add(a: Ended, b: Ended) -> Ended:
    """Both together."""
    return jax.tree.map(operator.add, a, b)._replace(spread=joint_spread(a, b, jnp.maximum))


def report(ended: Ended, nonfinite: int, warnings: int) -> Episodes:
    """The sums as plain numbers."""
    return Episodes(
        count=int(ended.count),
        returns=float(ended.returns),
        spread=float(ended.spread),
        lengths=float(ended.lengths),
        terms={name: float(value) for name, value in ended.terms.items()},
        nonfinite=nonfinite,
        warnings=warnings,
    )
