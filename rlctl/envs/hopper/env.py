"""Hopper: one leg, three motors, hop forward. Gymnasium's Hopper-v5, equal to it step by step."""

import jax
import jax.numpy as jnp

from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart
from rlctl.envs.gymnasium_task import GymnasiumTask, control_cost, noise, travel, where, within
from rlctl.envs.hopper.config import HopperConfig
from rlctl.physics.base import Physics

CONTROL_DT = 0.008  # s
SUBSTEPS = 4
EPISODE_LENGTH = 1000  # control steps
JOINTS = ("thigh", "leg", "foot")
STANDING = (0.0, 1.25, 0.0, 0.0, 0.0, 0.0)  # x, z, pitch, joints
VELOCITY_CLIP = 10.0


class Hopper(GymnasiumTask):
    """A reward for forward speed and for staying upright, less the cost of control."""

    xml = "hopper.xml"
    fields = ("qpos", "qpos_residual", "qvel")
    spec = EnvSpec(
        id="hopper",
        observation=(
            ObservationPart("height", 1, "m"),
            ObservationPart("pitch", 1, "rad"),
            ObservationPart("joint_angle", len(JOINTS), "rad"),
            ObservationPart("velocity_xz", 2, "m/s"),
            ObservationPart("pitch_rate", 1, "rad/s"),
            ObservationPart("joint_velocity", len(JOINTS), "rad/s"),
        ),
        action=tuple(ActionPart(joint, -1.0, 1.0, "200 N m", "torque") for joint in JOINTS),
        control_dt=CONTROL_DT,
        substeps=SUBSTEPS,
        episode_length=EPISODE_LENGTH,
        terms=("forward", "survive", "ctrl"),
        cameras=("track",),
    )

    def __init__(self, config: HopperConfig | None = None) -> None:
        self._config = config or HopperConfig()

    def initial(self, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        change = noise(key, 12, self._config.reset_noise_scale)
        return jnp.array(STANDING) + change[:6], change[6:]

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
        return where(physics.qpos[0], physics.qpos_residual[0])

    def _healthy(self, physics: Physics) -> jax.Array:
        config = self._config
        state = jnp.concatenate([physics.qpos[2:], physics.qvel])
        healthy = (
            within(state, -config.healthy_state_max, config.healthy_state_max)
            & (physics.qpos[1] > config.healthy_z_min)
            & within(physics.qpos[2], -config.healthy_angle_max, config.healthy_angle_max)
        )
        return healthy.astype(jnp.float32)

    def _observe(self, physics: Physics) -> jax.Array:
        velocity = jnp.clip(physics.qvel, -VELOCITY_CLIP, VELOCITY_CLIP)
        return jnp.concatenate([physics.qpos[1:], velocity])
