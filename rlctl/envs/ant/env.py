"""Ant: four legs, run forward. Gymnasium's Ant-v5 without contact forces, equal step by step.

That is `gymnasium.make("Ant-v5", include_cfrc_ext_in_observation=False, contact_cost_weight=0)`.
Its speed is that of the torso as MuJoCo last derived it, from one control step to the next.
"""

import jax
import jax.numpy as jnp

from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart
from rlctl.envs.ant.config import AntConfig
from rlctl.envs.gymnasium_task import GymnasiumTask, control_cost, noise, travel, where
from rlctl.physics.base import Physics

CONTROL_DT = 0.05  # s
SUBSTEPS = 5
EPISODE_LENGTH = 1000  # control steps
MOTORS = tuple(f"{joint}_{leg}" for leg in (4, 1, 2, 3) for joint in ("hip", "ankle"))
STANDING = (0.0, 0.0, 0.75, 1.0, 0.0, 0.0, 0.0, *(0.0,) * 8)  # position, attitude, joints
TORSO = 1  # body


class Ant(GymnasiumTask):
    """A reward for forward speed and for staying on its legs, less the cost of control."""

    xml = "ant.xml"
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
        action=tuple(ActionPart(joint, -1.0, 1.0, "150 N m", "torque") for joint in MOTORS),
        control_dt=CONTROL_DT,
        substeps=SUBSTEPS,
        episode_length=EPISODE_LENGTH,
        terms=("forward", "survive", "ctrl"),
        cameras=("track",),
    )

    def __init__(self, config: AntConfig | None = None) -> None:
        self._config = config or AntConfig()

    def initial(self, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        scale = self._config.reset_noise_scale
        position_key, velocity_key = jax.random.split(key)
        position = jnp.array(STANDING) + noise(position_key, 15, scale)
        return position, scale * jax.random.normal(velocity_key, (14,))

    def begin(self, physics: Physics, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        return self._place(physics), self._observe(physics)

    def after(
        self, carry: jax.Array, physics: Physics, action: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]]:
        config, place = self._config, self._place(physics)
        healthy = self._healthy(physics)
        metrics = {
            "forward": config.forward_reward_weight * travel(carry, place) / CONTROL_DT,
            "survive": config.healthy_reward * healthy,
            "ctrl": -control_cost(action, config.ctrl_cost_weight),
        }
        terminated = (1.0 - healthy) * float(config.terminate_when_unhealthy)
        return place, self._observe(physics), sum(metrics.values()), terminated, metrics

    def _place(self, physics: Physics) -> jax.Array:
        return where(physics.xpos[TORSO, 0], physics.xpos_residual[TORSO, 0])

    def _healthy(self, physics: Physics) -> jax.Array:
        height, config = physics.qpos[2], self._config
        finite = jnp.all(jnp.isfinite(physics.qpos)) & jnp.all(jnp.isfinite(physics.qvel))
        high = (config.healthy_z_min <= height) & (height <= config.healthy_z_max)
        return (finite & high).astype(jnp.float32)

    def _observe(self, physics: Physics) -> jax.Array:
        return jnp.concatenate([physics.qpos[2:], physics.qvel])
