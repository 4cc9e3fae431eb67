"""Simulation protocol: environment and physics in one, as the JAX driver steps it under jit.

Shapes lead with n, the number of instances of a call: the driver restarts a few at a time. O
observation, A action. Keys are (n, 2) uint32, folded by the driver and fresh in every call; a
simulation keeps no random state. All functions are pure and jit-able, pytrees and dtypes never
change, and every leaf of a state leads with n, so that rows can be gathered and scattered.
"""

from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from rlctl.core.specs import EnvSpec

SimState = Any  # a pytree of arrays (n, ...): the full state of n instances
Fields = dict[str, jax.Array]  # MjData or MjModel field -> (n, ...)


class Transition(NamedTuple):
    """Result of one control step.

    Attributes:
        observation: (n, O).
        reward: (n,).
        terminated: (n,) float32, 0 or 1.
        metrics: Name -> (n,), the keys of `spec.metrics`.
    """

    observation: jax.Array
    reward: jax.Array
    terminated: jax.Array
    metrics: dict[str, jax.Array]


class Simulation(Protocol):
    """Environments with their physics.

    Attributes:
        spec: Observation and action spaces, and timing.
    """

    spec: EnvSpec

    def randomize(self, keys: jax.Array) -> Fields:
        """Sample randomised model fields for each instance (domain randomisation); {} for none."""
        ...

    def reset(
        self, initial_keys: jax.Array, begin_keys: jax.Array, model_fields: Fields
    ) -> tuple[SimState, jax.Array]:
        """Start episodes: return state and observation (n, O)."""
        ...

    def step(
        self,
        state: SimState,
        action: jax.Array,
        before_keys: jax.Array,
        after_keys: jax.Array,
        model_fields: Fields,
        edits: Fields,
    ) -> tuple[SimState, Transition]:
        """Take one control step with actions (n, A), after edits of `edit_shapes`."""
        ...

    def edit_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return MjData fields that `step` can edit and their shapes in one instance."""
        ...

    def fields(self, state: SimState) -> Fields:
        """Return physics fields that must stay finite, qpos (n, nq) among them."""
        ...

    def command(self, state: SimState) -> jax.Array:
        """Return the current commands, (n, len(spec.commands))."""
        ...

    def set_command(self, state: SimState, command: jax.Array) -> SimState:
        """Return the state with other commands, (n, len(spec.commands))."""
        ...


class BaseSimulation:
    """Base of simulations: no domain randomisation, no commands, no edits."""

    def randomize(self, keys: jax.Array) -> Fields:
        return {}

    def edit_shapes(self) -> dict[str, tuple[int, ...]]:
        return {}

    def command(self, state: SimState) -> jax.Array:
        return jnp.zeros((len(jax.tree.leaves(state)[0]), 0))

    def set_command(self, state: SimState, command: jax.Array) -> SimState:
        raise NotImplementedError(f"{type(self).__name__} has no commands to set")
