"""Hopper: one leg, three motors, hop forward. Gymnasium's Hopper-v5, equal to it step by step."""

import jax
import jax.numpy as jnp

from rlctl.core.specs import EnvSpec
from rlctl.envs.base import Start
from rlctl.envs.gymnasium_tasks.config import HopperConfig
from rlctl.envs.gymnasium_tasks.locomotion import LocomotionTask, planar_state
from rlctl.envs.gymnasium_tasks.task import motors, uniform_start, within
from rlctl.physics.base import Physics

JOINTS = ("thigh", "leg", "foot")
STANDING = (0.0, 1.25, 0.0, 0.0, 0.0, 0.0)  # x, z, pitch, joints
VELOCITY_CLIP = 10.0


class Hopper(LocomotionTask):
    """Forward reward and healthy reward, minus control cost."""

    xml = "hopper.xml"
    defaults = HopperConfig()
    spec = EnvSpec(
        id="hopper",
        observation=planar_state(len(JOINTS)),
        action=motors(dict.fromkeys(JOINTS, 200)),
        control_dt=0.008,
        substeps=4,
        episode_length=1000,
        terms=("forward", "survive", "ctrl"),
    )

    def initial(self, key: jax.Array) -> Start:
        return uniform_start(key, STANDING, 6, self._config.reset_noise_scale)

    def _healthy(self, physics: Physics) -> jax.Array:
        config = self._config
        state = jnp.concatenate([physics.qpos[2:], physics.qvel])
        return (
            within(state, -config.healthy_state_max, config.healthy_state_max)
            & (physics.qpos[1] > config.healthy_z_min)
            & within(physics.qpos[2], -config.healthy_angle_max, config.healthy_angle_max)
        )

    def _observe(self, physics: Physics) -> jax.Array:
        velocity = jnp.clip(physics.qvel, -VELOCITY_CLIP, VELOCITY_CLIP)
        return jnp.concatenate([physics.qpos[1:], velocity])
