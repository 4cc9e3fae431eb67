"""Swimmer: three links in a viscous fluid, swim forward. Gymnasium's Swimmer-v5, step by step."""

import jax
import jax.numpy as jnp

from rlctl.core.specs import EnvSpec, ObservationPart
from rlctl.envs.base import Start
from rlctl.envs.gymnasium_tasks.config import SwimmerConfig
from rlctl.envs.gymnasium_tasks.locomotion import LocomotionTask
from rlctl.envs.gymnasium_tasks.task import motors, uniform_start
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
        action=motors(dict.fromkeys(JOINTS, 150)),
        control_dt=0.04,
        substeps=4,
        episode_length=1000,
        terms=("forward", "ctrl"),
    )

    def initial(self, key: jax.Array) -> Start:
        return uniform_start(key, (0.0,) * 5, 5, self._config.reset_noise_scale)

    def _observe(self, physics: Physics) -> jax.Array:
        return jnp.concatenate([physics.qpos[2:], physics.qvel])
