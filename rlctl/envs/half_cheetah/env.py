"""Half-cheetah: run forward. Gymnasium's HalfCheetah-v5, equal to it step by step."""

import jax
import jax.numpy as jnp

from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart
from rlctl.envs.gymnasium_task import GymnasiumTask, control_cost, noise, travel, where
from rlctl.envs.half_cheetah.config import HalfCheetahConfig
from rlctl.physics.base import Physics

CONTROL_DT = 0.05  # s
SUBSTEPS = 5
EPISODE_LENGTH = 1000  # control steps
MOTORS = {"bthigh": 120, "bshin": 90, "bfoot": 60, "fthigh": 120, "fshin": 60, "ffoot": 30}  # N m


class HalfCheetah(GymnasiumTask):
    """A reward for forward speed, less the cost of control. Nothing ends an episode but time."""

    xml = "half_cheetah.xml"
    fields = ("qpos", "qpos_residual", "qvel")
    spec = EnvSpec(
        id="half-cheetah",
        observation=(
            ObservationPart("height", 1, "m"),
            ObservationPart("pitch", 1, "rad"),
            ObservationPart("joint_angle", len(MOTORS), "rad"),
            ObservationPart("velocity_xz", 2, "m/s"),
            ObservationPart("pitch_rate", 1, "rad/s"),
            ObservationPart("joint_velocity", len(MOTORS), "rad/s"),
        ),
        action=tuple(
            ActionPart(joint, -1.0, 1.0, f"{gear} N m", "torque") for joint, gear in MOTORS.items()
        ),
        control_dt=CONTROL_DT,
        substeps=SUBSTEPS,
        episode_length=EPISODE_LENGTH,
        terms=("forward", "ctrl"),
        cameras=("track",),
    )

    def __init__(self, config: HalfCheetahConfig | None = None) -> None:
        self._config = config or HalfCheetahConfig()

    def initial(self, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        scale = self._config.reset_noise_scale
        position_key, velocity_key = jax.random.split(key)
        return noise(position_key, 9, scale), scale * jax.random.normal(velocity_key, (9,))

    def begin(self, physics: Physics, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        return self._place(physics), self._observe(physics)

    def after(
        self, carry: jax.Array, physics: Physics, action: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]]:
        config, place = self._config, self._place(physics)
        metrics = {
            "forward": config.forward_reward_weight * travel(carry, place) / CONTROL_DT,
            "ctrl": -control_cost(action, config.ctrl_cost_weight),
        }
        return place, self._observe(physics), sum(metrics.values()), jnp.zeros(()), metrics

    def _place(self, physics: Physics) -> jax.Array:
        return where(physics.qpos[0], physics.qpos_residual[0])

    def _observe(self, physics: Physics) -> jax.Array:
        return jnp.concatenate([physics.qpos[1:], physics.qvel])
