"""Shared base of the Gymnasium MuJoCo ports: MJCF loading and reward helpers.

The MJCF files are those of the installed gymnasium package, which is not imported.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import mujoco
import numpy as np

from rlctl.core.specs import ActionPart, EnvSpec
from rlctl.envs.base import BaseEnvironment, Carry, Drawn, Start
from rlctl.envs.scene import compile_physics, compile_scene
from rlctl.physics.base import Physics

BROWN, COPPER = (0.8, 0.6, 0.4, 1.0), (0.93, 0.55, 0.25, 1.0)


def _folder(package: str) -> Path:
    """Return the folder of an installed package, which is not imported."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    return Path(found.origin).parent


ASSETS = _folder("gymnasium") / "envs" / "mujoco" / "assets"


class GymnasiumTask(BaseEnvironment, ABC):
    """Task from Gymnasium, without a carry.

    Attributes:
        xml: File name of the MJCF.
        defaults: Default settings, as in Gymnasium.
        spec: As in `base.Environment`.
    """

    xml: str
    defaults: Any
    spec: EnvSpec

    def __init__(self, config: Any = None) -> None:
        self._config = config or self.defaults

    def model(self) -> mujoco.MjModel:
        return compile_physics(ASSETS / self.xml)

    def scene(self) -> mujoco.MjModel:
        return compile_scene(ASSETS / self.xml, change=_paint)

    def begin(self, physics: Physics, drawn: Drawn, key: jax.Array) -> tuple[Carry, jax.Array]:
        return (), self._observe(physics)

    @abstractmethod
    def _observe(self, physics: Physics) -> jax.Array:
        """Return the observation, (O,)."""


def _paint(spec: mujoco.MjSpec) -> None:
    """Replace the brown of Gymnasium's files by copper."""
    for geom in spec.geoms:
        if np.allclose(geom.rgba, BROWN):
            geom.rgba = COPPER


def noise(key: jax.Array, size: int, scale: float) -> jax.Array:
    """Sample uniformly from [-scale, scale], (size,)."""
    return jax.random.uniform(key, (size,), minval=-scale, maxval=scale)


def uniform_start(key: jax.Array, qpos: Sequence[float], nv: int, scale: float) -> Start:
    """Return qpos and qvel (nv,) of 0, both with uniform noise of half-width `scale`."""
    change = noise(key, len(qpos) + nv, scale)
    return Start(jnp.array(qpos) + change[: len(qpos)], change[len(qpos) :])


def normal_start(key: jax.Array, qpos: Sequence[float], nv: int, scale: float) -> Start:
    """Return qpos with uniform noise, and qvel (nv,) from a normal distribution around 0."""
    position_key, velocity_key = jax.random.split(key)
    position = jnp.array(qpos) + noise(position_key, len(qpos), scale)
    return Start(position, scale * jax.random.normal(velocity_key, (nv,)))


def motors(gears: Mapping[str, int], bound: float = 1.0) -> tuple[ActionPart, ...]:
    """Return the action of motors: name -> torque at a control of 1, N m."""
    return tuple(
        ActionPart(name, -bound, bound, f"{gear} N m", "torque") for name, gear in gears.items()
    )


def control_cost(action: jax.Array, weight: float) -> jax.Array:
    """Return the weighted sum of squares of an action, a cost."""
    return weight * jnp.sum(jnp.square(action))


def add_up(terms: Mapping[str, jax.Array]) -> jax.Array:
    """Return the sum of reward terms, ()."""
    return sum(terms.values(), jnp.zeros(()))


def within(x: jax.Array, low: float, high: float) -> jax.Array:
    """Return whether all of x lies strictly between the bounds; False if x is not finite."""
    return jnp.all((low < x) & (x < high))
