"""Environment protocol: pure functions of one instance, before and after the physics.

    reset:   qpos, qvel, drawn = initial(key)
             physics forward
             carry, obs = begin(physics, drawn, key)
    step:    edits, ctrl = before(carry, physics, action, key)
             physics: state += edits, then `substeps` steps with ctrl held
             carry, obs, reward, terminated, metrics = after(carry, physics, action, key)

Shapes are those of one instance (O observation, A action, nq, nv, nu as in MuJoCo); drivers vmap.
`terminated` is float32 0 or 1. Drivers count steps and truncate at the time limit. All arrays are
float32, all functions jit-able, and the pytrees of `drawn` and `carry` and the keys of `metrics`
never change.
"""

from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import mujoco
import numpy as np

from rlctl.core.errors import Incompatible
from rlctl.core.specs import EnvSpec
from rlctl.physics.base import Physics

Carry = Any  # a pytree of arrays: state of the environment besides the physics
Drawn = Any  # a pytree of arrays: what `initial` drew besides the physics' state
Edits = dict[str, jax.Array]  # MjData state field -> increment before the physics


class Start(NamedTuple):
    """State in which an episode starts.

    Attributes:
        qpos: (nq,).
        qvel: (nv,).
        drawn: Anything else that was drawn for the episode and that `begin` gets, such as the
            phase of a motion; () for nothing. Checkpoints do not contain it.
    """

    qpos: jax.Array
    qvel: jax.Array
    drawn: Drawn = ()


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

    def initial(self, key: jax.Array) -> Start:
        """Sample the state in which an episode starts."""
        ...

    def begin(self, physics: Physics, drawn: Drawn, key: jax.Array) -> tuple[Carry, jax.Array]:
        """Start an episode after the forward pass: return carry, observation (O,).

        Args:
            physics: The physics in the state that `initial` sampled.
            drawn: Drawn for this episode by `initial`.
            key: A key other than that of `initial`.
        """
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

    def set_command(self, carry: Carry, command: jax.Array) -> Carry:
        """Return the carry with another command, (len(spec.commands),)."""
        ...


class CommandedEnvironment(Environment, Protocol):
    """Environment with commands.

    Attributes:
        command_low: Lower bounds of commands, (len(spec.commands),).
        command_high: Upper bounds of commands, likewise.
    """

    command_low: np.ndarray
    command_high: np.ndarray


class BaseEnvironment:
    """Base of environments: the action is the control, no domain randomisation, no commands.

    A subclass adds `spec`, `fields`, `model`, `scene`, `initial`, `begin` and `after`, and
    overrides what it does differently.
    """

    def before(
        self, carry: Carry, physics: Physics, action: jax.Array, key: jax.Array
    ) -> tuple[Edits, jax.Array]:
        return {}, action

    def randomize(self, key: jax.Array, model: mujoco.MjModel) -> dict[str, jax.Array]:
        return {}

    def command(self, carry: Carry) -> jax.Array:
        return jnp.zeros(0)

    def set_command(self, carry: Carry, command: jax.Array) -> Carry:
        raise NotImplementedError(f"{type(self).__name__} has no commands to set")


def sample_start(env: Environment, key: jax.Array) -> Start:
    """Sample the state in which an episode starts.

    Raises:
        Incompatible: The environment was written for rlctl 0.2, whose `initial` returned two
            arrays.
    """
    start = env.initial(key)
    if not isinstance(start, Start):
        raise Incompatible(
            f"{type(env).__name__}.initial returns a {type(start).__name__}, not a Start",
            "let initial(key) return rlctl.envs.base.Start(qpos, qvel), and begin take "
            "(physics, drawn, key)",
        )
    return start
