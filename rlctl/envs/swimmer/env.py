"""Swimmer: three links in a viscous fluid, swim forward. Gymnasium's Swimmer-v5, step by step."""

import jax
import jax.numpy as jnp

from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart
from rlctl.envs.gymnasium_task import GymnasiumTask, control_cost, noise, travel, where
from rlctl.envs.swimmer.config import SwimmerConfig
from rlctl.physics.base import Physics

CONTROL_DT = 0.04  # s
SUBSTEPS = 4
EPISODE_LENGTH = 1000  # control steps
JOINTS = ("motor1", "motor2")


class Swimmer(GymnasiumTask):
    """A reward for forward speed, less the cost of control. Nothing ends an episode but time."""

    xml = "swimmer.xml"
    fields = ("qpos", "qpos_residual", "qvel")
    spec = EnvSpec(
        id="swimmer",
        observation=(
            ObservationPart("heading", 1, "rad"),
            ObservationPart("joint_angle", len(JOINTS), "rad"),
            ObservationPart("velocity_xy", 2, "m/s"),
            ObservationPart("turn_rate", 1, "rad/s"),
            ObservationPart("joint_velocity", len(JOINTS), "rad/s"),
        ),
        action=tuple(ActionPart(joint, -1.0, 1.0, "150 N m", "torque") for joint in JOINTS),
        control_dt=CONTROL_DT,
        substeps=SUBSTEPS,
        episode_length=EPISODE_LENGTH,
        terms=("forward", "ctrl"),
        cameras=("track",),
    )

    def __init__(self, config: SwimmerConfig | None = None) -> None:
        self._config = config or SwimmerConfig()

    def initial(self, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        change = noise(key, 10, self._config.reset_noise_scale)
        return change[:5], change[5:]

    def begin(self, physics: Physics, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        return self._place(physics), self._observe(physics)

    def after(
        self, carry: jax.Array, physics: Physics, action: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]]:
        config, place = self._config, self._place(physics)
        metrics = {
            "forward": config.forward_reward_weight * travel(carry, place) / CONTROL_DT,
            "ctrl": -control_cost(action, config.ctrl_cost_weight),
        }
        return place, self._observe(physics), sum(metrics.values()), jnp.zeros(()), metrics

    def _place(self, physics: Physics) -> jax.Array:
        return where(physics.qpos[0], physics.qpos_residual[0])

    def _observe(self, physics: Physics) -> jax.Array:
        return jnp.concatenate([physics.qpos[2:], physics.qvel])
