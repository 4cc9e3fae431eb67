"""Environment and physics in one: what the fused driver steps under jit.

Shapes lead with n, whatever number of instances a call is given: the driver restarts a few at a
time. O observation, A action. Keys are (n, 2) uint32, fresh at every call and folded by the driver;
a simulation draws nothing of its own. All functions are pure and jit-able, pytrees and dtypes never
change, and every leaf of a state leads with n, so that rows can be gathered and scattered.
"""

from typing import Any, NamedTuple, Protocol

import jax

from rlctl.core.specs import EnvSpec

SimState = Any  # a pytree of arrays (n, ...): all there is to n instances
Fields = dict[str, jax.Array]  # MjData or MjModel field -> (n, ...)


class Transition(NamedTuple):
    """What one control step gives.

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
        spec: Layouts, bounds and timing.
    """

    spec: EnvSpec

    def draw(self, keys: jax.Array) -> Fields:
        """Randomised model fields of each instance; {} for none."""

    def reset(
        self, initial_keys: jax.Array, begin_keys: jax.Array, draws: Fields
    ) -> tuple[SimState, jax.Array]:
        """Start episodes: state, observation (n, O)."""

    def step(
        self,
        state: SimState,
        action: jax.Array,
        before_keys: jax.Array,
        after_keys: jax.Array,
        draws: Fields,
    ) -> tuple[SimState, Transition]:
        """One control step with actions (n, A)."""

    def fields(self, state: SimState) -> Fields:
        """The physics by name, qpos (n, nq) among it: what must stay finite."""

    def command(self, state: SimState) -> jax.Array:
        """Commands in force, (n, len(spec.commands))."""

    def told(self, state: SimState, command: jax.Array) -> SimState:
        """The state once they were given other commands, (n, len(spec.commands)); if any."""
