"""Half-cheetah: run forward. Gymnasium's HalfCheetah-v5, equal to it step by step."""

import jax
import jax.numpy as jnp

from rlctl.core.specs import ActionPart, EnvSpec
from rlctl.envs.gymnasium_locomotion import LocomotionTask, planar_state
from rlctl.envs.gymnasium_task import noise
from rlctl.envs.half_cheetah.config import HalfCheetahConfig
from rlctl.physics.base import Physics

MOTORS = {"bthigh": 120, "bshin": 90, "bfoot": 60, "fthigh": 120, "fshin": 60, "ffoot": 30}  # N m


class HalfCheetah(LocomotionTask):
    """Forward reward, minus control cost. Never terminates."""

    xml = "half_cheetah.xml"
    defaults = HalfCheetahConfig()
    spec = EnvSpec(
        id="half-cheetah",
        observation=planar_state(len(MOTORS)),
        action=tuple(
            ActionPart(joint, -1.0, 1.0, f"{gear} N m", "torque") for joint, gear in MOTORS.items()
        ),
        control_dt=0.05,
        substeps=5,
        episode_length=1000,
        terms=("forward", "ctrl"),
    )

    def initial(self, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        scale = self._config.reset_noise_scale
        position_key, velocity_key = jax.random.split(key)
        return noise(position_key, 9, scale), scale * jax.random.normal(velocity_key, (9,))

    def _observe(self, physics: Physics) -> jax.Array:
        return jnp.concatenate([physics.qpos[1:], physics.qvel])
