"""Hopper: one leg, three motors, hop forward. Gymnasium's Hopper-v5, equal to it step by step."""

import jax
import jax.numpy as jnp

from rlctl.core.specs import ActionPart, EnvSpec
from rlctl.envs.gymnasium_locomotion import LocomotionTask, planar_state
from rlctl.envs.gymnasium_task import noise, within
from rlctl.envs.hopper.config import HopperConfig
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
        action=tuple(ActionPart(joint, -1.0, 1.0, "200 N m", "torque") for joint in JOINTS),
        control_dt=0.008,
        substeps=4,
        episode_length=1000,
        terms=("forward", "survive", "ctrl"),
    )

    def initial(self, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        change = noise(key, 12, self._config.reset_noise_scale)
        return jnp.array(STANDING) + change[:6], change[6:]

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
