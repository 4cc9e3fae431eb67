"""Pendulum swing-up: the motor is too weak to lift the mass directly.

dm_control's `pendulum` / `swingup` (Tassa et al. 2018, arXiv 1801.00690): a 1 kg mass at 0.5 m
needs 4.9 N m to be held level, the motor gives 1. Observation, sparse reward and timing are its.
"""

import math
from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import mujoco
import numpy as np

from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart, Symmetry
from rlctl.envs.base import BaseEnvironment, Carry, Drawn, Start
from rlctl.envs.pendulum.config import PendulumConfig
from rlctl.envs.rewards import tolerance
from rlctl.envs.scene import DECORATION, compile_physics, compile_scene
from rlctl.physics.base import Physics

XML = Path(__file__).parent / "assets" / "pendulum.xml"
CONTROL_DT = 0.02  # s, one physics step
EPISODE_LENGTH = 1000  # control steps, 20 s
TORQUE = 1.0  # N m
GOAL_RADIUS, GOAL_WIDTH, GOAL_BEHIND = 0.62, 0.008, (0.0, 0.065, 0.0)  # m
GOAL_PARTS = 9
GOAL_COLOUR = 0.16, 0.66, 0.38, 1.0


class Pendulum(BaseEnvironment):
    """Swing up and balance. The return is the number of steps spent within 8 degrees of upright."""

    fields = ("qpos", "qvel")
    spec = EnvSpec(
        id="pendulum",
        observation=(
            ObservationPart("cos_angle", 1),
            ObservationPart("sin_angle", 1),
            ObservationPart("angular_velocity", 1, "rad/s"),
        ),
        action=(ActionPart("torque", -TORQUE, TORQUE, "N m", "torque at the pivot"),),
        control_dt=CONTROL_DT,
        substeps=1,
        episode_length=EPISODE_LENGTH,
        terms=("upright",),
        cameras=("front",),
        symmetry=Symmetry((0, 1, 2), (1, -1, -1), (0,), (-1,)),
    )

    def __init__(self, config: PendulumConfig | None = None) -> None:
        config = config or PendulumConfig()
        self._start_angle = config.start_angle
        self._upright_angle = math.radians(config.upright_angle)
        self._upright_cosine = math.cos(self._upright_angle)

    def model(self) -> mujoco.MjModel:
        return compile_physics(XML)

    def scene(self) -> mujoco.MjModel:
        return compile_scene(XML, change=self._add_goal)

    def _add_goal(self, spec: mujoco.MjSpec) -> None:
        """Outline the sector in which the mass is rewarded."""
        pivot = np.array(spec.body("pole").pos) + GOAL_BEHIND
        angles = np.linspace(-self._upright_angle, self._upright_angle, GOAL_PARTS)
        arc = [(GOAL_RADIUS * np.sin(angle), 0.0, GOAL_RADIUS * np.cos(angle)) for angle in angles]
        outline = pivot + np.array([(0.0, 0.0, 0.0), *arc, (0.0, 0.0, 0.0)])
        for start, end in pairwise(outline):
            spec.worldbody.add_geom(
                type=mujoco.mjtGeom.mjGEOM_CAPSULE,
                fromto=[*start, *end],
                size=[GOAL_WIDTH, 0, 0],
                rgba=GOAL_COLOUR,
                contype=0,
                conaffinity=0,
                group=DECORATION,
            )

    def initial(self, key: jax.Array) -> Start:
        angle = jax.random.uniform(key, (1,), minval=-1.0, maxval=1.0) * self._start_angle
        return Start(angle, jnp.zeros(1))

    def begin(self, physics: Physics, drawn: Drawn, key: jax.Array) -> tuple[Carry, jax.Array]:
        return (), self._observe(physics)

    def after(
        self, carry: Carry, physics: Physics, action: jax.Array, key: jax.Array
    ) -> tuple[Carry, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]]:
        observation = self._observe(physics)
        reward = tolerance(observation[0], self._upright_cosine, 1.0)
        return carry, observation, reward, jnp.zeros(()), {"upright": reward}

    def _observe(self, physics: Physics) -> jax.Array:
        """Return the observation, (3,)."""
        # From the state: derived fields are one physics step old here, but not in dm_control.
        angle = physics.qpos
        return jnp.concatenate([jnp.cos(angle), jnp.sin(angle), physics.qvel])
