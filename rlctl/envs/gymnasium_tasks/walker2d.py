"""Walker2d: two legs in a plane, walk forward. Gymnasium's Walker2d-v5, equal step by step."""

import jax
import jax.numpy as jnp

from rlctl.core.specs import EnvSpec
from rlctl.envs.base import Start
from rlctl.envs.gymnasium_tasks.config import Walker2dConfig
from rlctl.envs.gymnasium_tasks.locomotion import LocomotionTask, planar_state
from rlctl.envs.gymnasium_tasks.task import motors, uniform_start, within
from rlctl.physics.base import Physics

JOINTS = ("thigh", "leg", "foot", "thigh_left", "leg_left", "foot_left")
STANDING = (0.0, 1.25, *(0.0,) * 7)  # x, z, pitch, joints
VELOCITY_CLIP = 10.0


class Walker2d(LocomotionTask):
    """Forward reward and healthy reward, minus control cost."""

    xml = "walker2d_v5.xml"
    defaults = Walker2dConfig()
    spec = EnvSpec(
        id="walker2d",
        observation=planar_state(len(JOINTS)),
        action=motors(dict.fromkeys(JOINTS, 100)),
        control_dt=0.008,
        substeps=4,
        episode_length=1000,
        terms=("forward", "survive", "ctrl"),
    )

    def initial(self, key: jax.Array) -> Start:
        return uniform_start(key, STANDING, 9, self._config.reset_noise_scale)

    def _healthy(self, physics: Physics) -> jax.Array:
        config = self._config
        high = within(physics.qpos[1], config.healthy_z_min, config.healthy_z_max)
        upright = within(physics.qpos[2], -config.healthy_angle_max, config.healthy_angle_max)
        return high & upright

    def _observe(self, physics: Physics) -> jax.Array:
        velocity = jnp.clip(physics.qvel, -VELOCITY_CLIP, VELOCITY_CLIP)
        return jnp.concatenate([physics.qpos[1:], velocity])
