"""Half-cheetah: run forward. Gymnasium's HalfCheetah-v5, equal to it step by step."""

import jax
import jax.numpy as jnp

from rlctl.core.specs import EnvSpec
from rlctl.envs.base import Start
from rlctl.envs.gymnasium_tasks.config import HalfCheetahConfig
from rlctl.envs.gymnasium_tasks.locomotion import LocomotionTask, planar_state
from rlctl.envs.gymnasium_tasks.task import motors, normal_start
from rlctl.physics.base import Physics

MOTORS = {"bthigh": 120, "bshin": 90, "bfoot": 60, "fthigh": 120, "fshin": 60, "ffoot": 30}  # N m


class HalfCheetah(LocomotionTask):
    """Forward reward, minus control cost. Never terminates."""

    xml = "half_cheetah.xml"
    defaults = HalfCheetahConfig()
    spec = EnvSpec(
        id="half-cheetah",
        observation=planar_state(len(MOTORS)),
        action=motors(MOTORS),
        control_dt=0.05,
        substeps=5,
        episode_length=1000,
        terms=("forward", "ctrl"),
    )

    def initial(self, key: jax.Array) -> Start:
        return normal_start(key, (0.0,) * 9, 9, self._config.reset_noise_scale)

    def _observe(self, physics: Physics) -> jax.Array:
        return jnp.concatenate([physics.qpos[1:], physics.qvel])
