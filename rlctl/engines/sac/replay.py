"""Replay buffer of transitions, in numpy.

Shapes: T time, N environments, O observation, A action, B minibatch.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rlctl.policies.mlp.spec import MLPSpec
from rlctl.rollouts.base import Arrays, Unroll


class Transition(NamedTuple):
    """Transitions with any batch axes (...).

    Attributes:
        observation: (..., O).
        action: (..., A), squashed.
        reward: (...).
        terminated: (...), 0 or 1.
        next_observation: (..., O), the final observation where an episode was truncated.
    """

    observation: jax.Array
    action: jax.Array
    reward: jax.Array
    terminated: jax.Array
    next_observation: jax.Array


class ReplayBuffer:
    """Ring of the newest transitions, each a row of one array.

    In numpy rather than in JAX, so that rows are written in place.

    Args:
        capacity: Number of rows.
        observation: O.
        action: A.
    """

    def __init__(self, capacity: int, observation: int, action: int) -> None:
        self.size = 0
        self._rows = np.zeros((capacity, 2 * observation + action + 2), np.float32)

    def add(self, unroll: Unroll, added: int) -> None:
        """Add the transitions of an unroll whose extras are actions and `final` observations.

        Args:
            unroll: (T, N, ...).
            added: Number of transitions added before it. Repeating a call changes nothing, as when
                an update was abandoned.
        """
        following = np.concatenate([unroll.observation[1:], unroll.last_observation[None]])
        truncated, reward, terminated = (
            np.asarray(column)[..., None]
            for column in (unroll.truncated, unroll.reward, unroll.terminated)
        )
        # After a termination the next observation does not matter: its value counts 0.
        following = np.where(truncated > 0, unroll.final, following)
        parts = (unroll.observation, unroll.extras, reward, terminated, following)
        capacity, width = self._rows.shape
        rows = np.concatenate(parts, axis=-1).reshape(-1, width)
        self._rows[(added + np.arange(len(rows))) % capacity] = rows
        self.size = min(added + len(rows), capacity)

    def sample(self, rng: np.random.Generator, count: int, size: int) -> np.ndarray:
        """Sample `count` minibatches of `size` rows with replacement: (count, size, row)."""
        return self._rows[rng.integers(self.size, size=(count, size))]

    def arrays(self) -> Arrays:
        """Return a copy of the rows in use, for a checkpoint."""
        return {"rows": self._rows[: self.size].copy()}

    def restore(self, arrays: Arrays) -> None:
        """Restore what `arrays()` returned."""
        self.size = len(arrays["rows"])
        self._rows[: self.size] = arrays["rows"]


def unpack(rows: jax.Array, spec: MLPSpec) -> Transition:
    """Return the transitions of rows (..., 2 O + A + 2)."""
    ends = np.cumsum([spec.observation_size, spec.action_size, 1, 1])
    now, acted, reward, terminated, following = jnp.split(rows, ends, axis=-1)
    return Transition(now, acted, reward[..., 0], terminated[..., 0], following)
