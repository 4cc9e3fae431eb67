"""The environment protocol: pure functions of one instance, before and after the physics.

    reset:   qpos, qvel = initial(key);  physics forward;  carry, obs = begin(physics, key)
    step:    edits, ctrl = before(carry, physics, action, key)
             physics: state += edits, then `substeps` steps with ctrl held
             carry, obs, reward, terminated, metrics = after(carry, physics, action, key)

Shapes are those of one instance (O observation, A action, nq, nv, nu as in MuJoCo); drivers vmap.
`terminated` is float32 0 or 1. Truncation is the drivers' business: no environment counts
episodes. All arrays are float32, all functions jit-able, and the pytree of `carry` and the keys of
`metrics` never change.
"""

from typing import Any, Protocol

import jax
import mujoco
import numpy as np

from rlctl.core.specs import EnvSpec
from rlctl.physics.base import Physics

Carry = Any  # a pytree of arrays: what the environment remembers between steps
Edits = dict[str, jax.Array]  # MjData state field -> what is added to it before the physics


class Environment(Protocol):
    """One environment, written once for all physics back ends.

    Attributes:
        spec: Layouts, bounds and timing.
        fields: The MjData fields that begin, before and after read; back ends provide these only.
        command_low: The least of what it commands, (len(spec.commands),); of those with commands.
        command_high: The most of it, likewise.
    """

    spec: EnvSpec
    fields: tuple[str, ...]
    command_low: np.ndarray
    command_high: np.ndarray

    def model(self) -> mujoco.MjModel:
        """Compile the physics model: timestep set, no meshes, no textures."""

    def scene(self) -> mujoco.MjModel:
        """Compile the model that is drawn: the same joints, with lights and a floor to look at."""

    def initial(self, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Draw the first state of an episode: qpos (nq,), qvel (nv,)."""

    def begin(self, physics: Physics, key: jax.Array) -> tuple[Carry, jax.Array]:
        """Start an episode on the forwarded first state: carry, observation (O,)."""

    def before(
        self, carry: Carry, physics: Physics, action: jax.Array, key: jax.Array
    ) -> tuple[Edits, jax.Array]:
        """Turn an action (A,) into additive edits of the state and controls (nu,)."""

    def after(
        self, carry: Carry, physics: Physics, action: jax.Array, key: jax.Array
    ) -> tuple[Carry, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]]:
        """Look at the result: carry, observation (O,), reward, terminated, metrics (scalars)."""

    def randomize(self, key: jax.Array, model: mujoco.MjModel) -> dict[str, jax.Array]:
        """Draw one instance's model fields (domain randomisation); {} for none."""

    def command(self, carry: Carry) -> jax.Array:
        """The command in force, (len(spec.commands),)."""

    # --- those with commands ---

    def told(self, carry: Carry, command: jax.Array) -> Carry:
        """What it remembers once it was given another command, (len(spec.commands),)."""
