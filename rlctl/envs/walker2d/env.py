"""Walker2d: two legs in a plane, walk forward. Gymnasium's Walker2d-v5, equal step by step."""

import jax
import jax.numpy as jnp

from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart
from rlctl.envs.gymnasium_task import GymnasiumTask, control_cost, noise, travel, where, within
from rlctl.envs.walker2d.config import Walker2dConfig
from rlctl.physics.base import Physics

CONTROL_DT = 0.008  # s
SUBSTEPS = 4
EPISODE_LENGTH = 1000  # control steps
JOINTS = ("thigh", "leg", "foot", "thigh_left", "leg_left", "foot_left")
STANDING = (0.0, 1.25, *(0.0,) * 7)  # x, z, pitch, joints
VELOCITY_CLIP = 10.0


class Walker2d(GymnasiumTask):
    """A reward for forward speed and for staying upright, less the cost of control."""

    xml = "walker2d_v5.xml"
    fields = ("qpos", "qpos_residual", "qvel")
    spec = EnvSpec(
        id="walker2d",
        observation=(
            ObservationPart("height", 1, "m"),
            ObservationPart("pitch", 1, "rad"),
            ObservationPart("joint_angle", len(JOINTS), "rad"),
            ObservationPart("velocity_xz", 2, "m/s"),
            ObservationPart("pitch_rate", 1, "rad/s"),
            ObservationPart("joint_velocity", len(JOINTS), "rad/s"),
        ),
        action=tuple(ActionPart(joint, -1.0, 1.0, "100 N m", "torque") for joint in JOINTS),
        control_dt=CONTROL_DT,
        substeps=SUBSTEPS,
        episode_length=EPISODE_LENGTH,
        terms=("forward", "survive", "ctrl"),
        cameras=("track",),
    )

    def __init__(self, config: Walker2dConfig | None = None) -> None:
        self._config = config or Walker2dConfig()

    def initial(self, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        change = noise(key, 18, self._config.reset_noise_scale)
        return jnp.array(STANDING) + change[:9], change[9:]

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
        high = within(physics.qpos[1], config.healthy_z_min, config.healthy_z_max)
        upright = within(physics.qpos[2], -config.healthy_angle_max, config.healthy_angle_max)
        return (high & upright).astype(jnp.float32)

    def _observe(self, physics: Physics) -> jax.Array:
        velocity = jnp.clip(physics.qvel, -VELOCITY_CLIP, VELOCITY_CLIP)
        return jnp.concatenate([physics.qpos[1:], velocity])
