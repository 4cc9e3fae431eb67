"""Inverted pendulum: keep a pole upright by pushing the cart it stands on.

Gymnasium's InvertedPendulum-v5 on Gymnasium's own MJCF, equal to it step by step.
"""

import jax
import jax.numpy as jnp
import mujoco

from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart
from rlctl.envs.base import Carry, Start
from rlctl.envs.gymnasium_tasks.config import InvertedPendulumConfig
from rlctl.envs.gymnasium_tasks.task import ASSETS, GymnasiumTask, uniform_start
from rlctl.envs.scene import compile_scene
from rlctl.physics.base import Physics

FORCE = 3.0  # bound of the control; the motor's gear is 100 N
CAMERA = {"pos": [0, -2.2, 0.55], "xyaxes": [1, 0, 0, 0, 0.12, 0.99]}
FLOOR = -0.3  # m, below the rail


class InvertedPendulum(GymnasiumTask):
    """Reward of 1 per step until the pole leans too far."""

    xml = "inverted_pendulum.xml"
    defaults = InvertedPendulumConfig()
    fields = ("qpos", "qvel")
    spec = EnvSpec(
        id="inverted-pendulum",
        observation=(
            ObservationPart("cart_position", 1, "m"),
            ObservationPart("pole_angle", 1, "rad"),
            ObservationPart("cart_velocity", 1, "m/s"),
            ObservationPart("pole_angular_velocity", 1, "rad/s"),
        ),
        action=(ActionPart("slide", -FORCE, FORCE, "100 N", "force on the cart"),),
        control_dt=0.04,
        substeps=2,
        episode_length=1000,
        terms=("survive",),
        cameras=("side",),
    )

    def scene(self) -> mujoco.MjModel:
        return compile_scene(ASSETS / self.xml, floor=FLOOR, cameras={"side": CAMERA})

    def initial(self, key: jax.Array) -> Start:
        return uniform_start(key, (0.0,) * 2, 2, self._config.reset_noise)

    def after(
        self, carry: Carry, physics: Physics, action: jax.Array, key: jax.Array
    ) -> tuple[Carry, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]]:
        observation = self._observe(physics)
        fallen = jnp.abs(observation[1]) > self._config.max_angle
        terminated = (fallen | ~jnp.all(jnp.isfinite(observation))).astype(jnp.float32)
        reward = 1.0 - terminated
        return carry, observation, reward, terminated, {"survive": reward}

    def _observe(self, physics: Physics) -> jax.Array:
        return jnp.concatenate([physics.qpos, physics.qvel])
