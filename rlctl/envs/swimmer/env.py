"""Swimmer: three links in a viscous fluid, swim forward. Gymnasium's Swimmer-v5, step by step."""

import jax
import jax.numpy as jnp

from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart
from rlctl.envs.gymnasium_locomotion import LocomotionTask
from rlctl.envs.gymnasium_task import noise
from rlctl.envs.swimmer.config import SwimmerConfig
from rlctl.physics.base import Physics

JOINTS = ("motor1", "motor2")


class Swimmer(LocomotionTask):
    """Forward reward, minus control cost. Never terminates."""

    xml = "swimmer.xml"
    defaults = SwimmerConfig()
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
        control_dt=0.04,
        substeps=4,
        episode_length=1000,
        terms=("forward", "ctrl"),
    )

    def initial(self, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        change = noise(key, 10, self._config.reset_noise_scale)
        return change[:5], change[5:]

    def _observe(self, physics: Physics) -> jax.Array:
        return jnp.concatenate([physics.qpos[2:], physics.qvel])
