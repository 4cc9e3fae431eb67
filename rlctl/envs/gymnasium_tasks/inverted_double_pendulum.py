"""Inverted double pendulum: keep two poles, one on the other, upright by pushing their cart.

Gymnasium's InvertedDoublePendulum-v5, equal to it step by step.
"""

import jax
import jax.numpy as jnp
import mujoco

from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart
from rlctl.envs.base import Carry, Start
from rlctl.envs.gymnasium_tasks.config import InvertedDoublePendulumConfig
from rlctl.envs.gymnasium_tasks.task import ASSETS, GymnasiumTask, add_up, normal_start
from rlctl.envs.scene import compile_scene
from rlctl.physics.base import Physics

CLIP = 10.0  # of velocities and of the force
FALLEN = 1.0  # m, height of the tip; upright it is at 1.2
FLOOR = -0.3  # m, below the rail
CAMERA = {"pos": [0, -3.6, 0.9], "xyaxes": [1, 0, 0, 0, 0.12, 0.99]}


class InvertedDoublePendulum(GymnasiumTask):
    """Reward per step with the tip up, minus penalties for its distance and the poles' speed."""

    xml = "inverted_double_pendulum.xml"
    defaults = InvertedDoublePendulumConfig()
    fields = ("qpos", "qvel", "site_xpos", "qfrc_constraint")
    spec = EnvSpec(
        id="inverted-double-pendulum",
        observation=(
            ObservationPart("cart_position", 1, "m"),
            ObservationPart("sin_pole_angle", 2),
            ObservationPart("cos_pole_angle", 2),
            ObservationPart("cart_velocity", 1, "m/s"),
            ObservationPart("pole_angular_velocity", 2, "rad/s"),
            ObservationPart("cart_constraint_force", 1, "N"),
        ),
        action=(ActionPart("slide", -1.0, 1.0, "500 N", "force on the cart"),),
        control_dt=0.05,
        substeps=5,
        episode_length=1000,
        terms=("survive", "distance_penalty", "velocity_penalty"),
        cameras=("side",),
    )

    def scene(self) -> mujoco.MjModel:
        return compile_scene(ASSETS / self.xml, floor=FLOOR, cameras={"side": CAMERA})

    def initial(self, key: jax.Array) -> Start:
        return normal_start(key, (0.0,) * 3, 3, self._config.reset_noise_scale)

    def after(
        self, carry: Carry, physics: Physics, action: jax.Array, key: jax.Array
    ) -> tuple[Carry, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]]:
        x, height = physics.site_xpos[0, 0], physics.site_xpos[0, 2]
        first, second = physics.qvel[1], physics.qvel[2]
        upright = (height > FALLEN).astype(jnp.float32)
        metrics = {
            "survive": self._config.healthy_reward * upright,
            "distance_penalty": -(0.01 * x**2 + (height - 2.0) ** 2),
            "velocity_penalty": -(1e-3 * first**2 + 5e-3 * second**2),
        }
        return carry, self._observe(physics), add_up(metrics), 1.0 - upright, metrics

    def _observe(self, physics: Physics) -> jax.Array:
        cart, poles = physics.qpos[:1], physics.qpos[1:]
        force = physics.qfrc_constraint[:1]
        return jnp.concatenate(
            [
                cart,
                jnp.sin(poles),
                jnp.cos(poles),
                jnp.clip(physics.qvel, -CLIP, CLIP),
                jnp.clip(force, -CLIP, CLIP),
            ]
        )
