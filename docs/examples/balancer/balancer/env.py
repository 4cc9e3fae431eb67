"""Two-wheeled balancer: the functions of rlctl/envs/base.py, before and after the physics."""

from pathlib import Path

import jax
import jax.numpy as jnp
import mujoco

from balancer.config import BalancerConfig
from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart
from rlctl.envs.base import BaseEnvironment, Carry, Drawn, Start
from rlctl.envs.scene import compile_physics, compile_scene
from rlctl.physics.base import Physics

XML = Path(__file__).parent / "balancer.xml"
FALLEN = 0.6  # rad


class Balancer(BaseEnvironment):
    """Up to 1 a step. qpos is x, z, lean and the wheels' angle."""

    fields = ("qpos", "qvel")
    spec = EnvSpec(
        id="balancer",
        observation=(
            ObservationPart("x", 1, "m"),
            ObservationPart("lean", 1, "rad"),
            ObservationPart("velocity", 1, "m/s"),
            ObservationPart("lean_rate", 1, "rad/s"),
        ),
        action=(ActionPart("axle", -1.0, 1.0, "3 N m", "torque on the wheels"),),
        control_dt=0.02,
        substeps=4,
        episode_length=500,
        terms=("upright", "drift", "torque"),
        cameras=("side",),
    )

    def __init__(self, config: BalancerConfig | None = None) -> None:
        self._config = config or BalancerConfig()

    def model(self) -> mujoco.MjModel:
        return compile_physics(XML)

    def scene(self) -> mujoco.MjModel:
        return compile_scene(XML)

    def initial(self, key: jax.Array) -> Start:
        lean = jax.random.uniform(key, minval=-1.0, maxval=1.0) * self._config.start_lean
        return Start(jnp.zeros(4).at[2].set(lean), jnp.zeros(4))

    def begin(self, physics: Physics, drawn: Drawn, key: jax.Array) -> tuple[Carry, jax.Array]:
        return (), self._observe(physics)

    def after(
        self, carry: Carry, physics: Physics, action: jax.Array, key: jax.Array
    ) -> tuple[Carry, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]]:
        config, observation = self._config, self._observe(physics)
        x, lean = observation[:2]
        fallen = (jnp.abs(lean) > FALLEN).astype(jnp.float32)
        metrics = {
            "upright": config.reward_upright * (1.0 - fallen),
            "drift": config.reward_drift * jnp.square(x),
            "torque": config.reward_torque * jnp.square(action[0]),
        }
        return carry, observation, sum(metrics.values()), fallen, metrics

    def _observe(self, physics: Physics) -> jax.Array:
        return jnp.stack([physics.qpos[0], physics.qpos[2], physics.qvel[0], physics.qvel[2]])
