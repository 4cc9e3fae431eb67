"""What Gymnasium's MuJoCo tasks have in common: its MJCF, and the words their rewards are in.

The MJCF files are those of the installed gymnasium package, found without importing it.
"""

from importlib.util import find_spec
from pathlib import Path

import jax
import jax.numpy as jnp
import mujoco

from rlctl.envs.base import Carry, Edits
from rlctl.envs.scene import compile_physics, compile_scene
from rlctl.physics.base import Physics

ASSETS = Path(find_spec("gymnasium").origin).parent / "envs" / "mujoco" / "assets"


class GymnasiumTask:
    """A task whose action is the control, with nothing randomised and no command.

    Attributes:
        xml: File name of its MJCF.
    """

    xml: str

    def model(self) -> mujoco.MjModel:
        return compile_physics(ASSETS / self.xml)

    def scene(self) -> mujoco.MjModel:
        return compile_scene(ASSETS / self.xml)

    def before(
        self, carry: Carry, physics: Physics, action: jax.Array, key: jax.Array
    ) -> tuple[Edits, jax.Array]:
        return {}, action

    def randomize(self, key: jax.Array, model: mujoco.MjModel) -> dict[str, jax.Array]:
        return {}

    def command(self, carry: Carry) -> jax.Array:
        return jnp.zeros(0)


def noise(key: jax.Array, size: int, scale: float) -> jax.Array:
    """Uniform numbers (size,) within scale of 0."""
    return jax.random.uniform(key, (size,), minval=-scale, maxval=scale)


def where(position: jax.Array, residual: jax.Array) -> jax.Array:
    """A position (...) and what rounding left out of it, to be remembered together: (2, ...)."""
    return jnp.stack([position, residual])


def travel(before: jax.Array, after: jax.Array) -> jax.Array:
    """How far it is from one `where` to another, (...): to float32's precision, however far out.

    Positions of a robot that has run a kilometre are 6e-5 m apart in float32, which would be an
    error of several mm/s in its speed. Their difference is exact, and so is that of the residuals.
    """
    (position, residual), (next_position, next_residual) = before, after
    return (next_position - position) + (next_residual - residual)


def control_cost(action: jax.Array, weight: float) -> jax.Array:
    """The weighted sum of squares, taken from a reward."""
    return weight * jnp.sum(jnp.square(action))


def within(x: jax.Array, low: float, high: float) -> jax.Array:
    """Whether all of x lies strictly between the bounds; what is not finite does not."""
    return jnp.all((low < x) & (x < high))
