"""Environment protocol: pure functions of one instance, before and after the physics.

    reset:   qpos, qvel = initial(key);  physics forward;  carry, obs = begin(physics, key)
    step:    edits, ctrl = before(carry, physics, action, key)
             physics: state += edits, then `substeps` steps with ctrl held
             carry, obs, reward, terminated, metrics = after(carry, physics, action, key)

Shapes are those of one instance (O observation, A action, nq, nv, nu as in MuJoCo); drivers vmap.
`terminated` is float32 0 or 1. Drivers count steps and truncate at the time limit. All arrays are
float32, all functions jit-able, and the pytree of `carry` and the keys of `metrics` never change.
"""

from typing import Any, Protocol

import jax
import mujoco
import numpy as np

from rlctl.core.specs import EnvSpec
from rlctl.physics.base import Physics

Carry = Any  # a pytree of arrays: state of the environment besides the physics
Edits = dict[str, jax.Array]  # MjData state field -> increment before the physics


class Environment(Protocol):
    """One environment, written once for all physics back ends.

    Attributes:
        spec: Observation and action spaces, and timing.
        fields: MjData fields that begin, before and after read; back ends provide only these.
    """

    spec: EnvSpec
    fields: tuple[str, ...]

    def model(self) -> mujoco.MjModel:
        """Compile the physics model: timestep set, no meshes, no textures."""
        ...

    def scene(self) -> mujoco.MjModel:
        """Compile the model to render: the same joints, with lights and a floor."""
        ...

    def initial(self, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Sample the initial state of an episode: qpos (nq,), qvel (nv,)."""
        ...

    def begin(self, physics: Physics, key: jax.Array) -> tuple[Carry, jax.Array]:
        """Start an episode after the forward pass: return carry, observation (O,)."""
        ...

    def before(
        self, carry: Carry, physics: Physics, action: jax.Array, key: jax.Array
    ) -> tuple[Edits, jax.Array]:
        """Convert an action (A,) to additive edits of the state and controls (nu,)."""
        ...

    def after(
        self, carry: Carry, physics: Physics, action: jax.Array, key: jax.Array
    ) -> tuple[Carry, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]]:
        """Return carry, observation (O,), reward, terminated and metrics (scalars) of the step."""
        ...

    def randomize(self, key: jax.Array, model: mujoco.MjModel) -> dict[str, jax.Array]:
        """Sample one instance's model fields (domain randomisation); {} for none."""
        ...

    def command(self, carry: Carry) -> jax.Array:
        """Return the current command, (len(spec.commands),)."""
        ...


class CommandedEnvironment(Environment, Protocol):
    """Environment with commands.

    Attributes:
        command_low: Lower bounds of commands, (len(spec.commands),).
        command_high: Upper bounds of commands, likewise.
    """

    command_low: np.ndarray
    command_high: np.ndarray

    def set_command(self, carry: Carry, command: jax.Array) -> Carry:
        """Return the carry with another command, (len(spec.commands),)."""
        ...
