"""Ant: four legs, run forward. Gymnasium's Ant-v5 without contact forces, equal step by step.

That is `gymnasium.make("Ant-v5", include_cfrc_ext_in_observation=False, contact_cost_weight=0)`.
As there, the speed is the change of the torso's derived position between control steps.
"""

import jax
import jax.numpy as jnp

from rlctl.core.specs import EnvSpec, ObservationPart
from rlctl.envs.base import Start
from rlctl.envs.gymnasium_tasks.config import AntConfig
from rlctl.envs.gymnasium_tasks.locomotion import LocomotionTask, with_residual
from rlctl.envs.gymnasium_tasks.task import motors, normal_start
from rlctl.physics.base import Physics

MOTORS = tuple(f"{joint}_{leg}" for leg in (4, 1, 2, 3) for joint in ("hip", "ankle"))
STANDING = (0.0, 0.0, 0.75, 1.0, 0.0, 0.0, 0.0, *(0.0,) * 8)  # position, attitude, joints
TORSO = 1  # body


class Ant(LocomotionTask):
    """Forward reward and healthy reward, minus control cost."""

    xml = "ant.xml"
    defaults = AntConfig()
    fields = ("qpos", "qvel", "xpos", "xpos_residual")
    spec = EnvSpec(
        id="ant",
        observation=(
            ObservationPart("height", 1, "m"),
            ObservationPart("attitude", 4),
            ObservationPart("joint_angle", len(MOTORS), "rad"),
            ObservationPart("velocity", 3, "m/s"),
            ObservationPart("angular_velocity", 3, "rad/s"),
            ObservationPart("joint_velocity", len(MOTORS), "rad/s"),
        ),
        action=motors(dict.fromkeys(MOTORS, 150)),
        control_dt=0.05,
        substeps=5,
        episode_length=1000,
        terms=("forward", "survive", "ctrl"),
    )

    def initial(self, key: jax.Array) -> Start:
        return normal_start(key, STANDING, 14, self._config.reset_noise_scale)

    def _position(self, physics: Physics) -> jax.Array:
        return with_residual(physics.xpos[TORSO, 0], physics.xpos_residual[TORSO, 0])

    def _healthy(self, physics: Physics) -> jax.Array:
        height, config = physics.qpos[2], self._config
        finite = jnp.all(jnp.isfinite(physics.qpos)) & jnp.all(jnp.isfinite(physics.qvel))
        high = (config.healthy_z_min <= height) & (height <= config.healthy_z_max)
        return finite & high

    def _observe(self, physics: Physics) -> jax.Array:
        return jnp.concatenate([physics.qpos[2:], physics.qvel])
