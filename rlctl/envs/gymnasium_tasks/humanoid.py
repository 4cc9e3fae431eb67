"""Humanoid: walk forward. Gymnasium's Humanoid-v5 without contact forces, equal step by step.

That is `gymnasium.make("Humanoid-v5", include_cfrc_ext_in_observation=False,
contact_cost_weight=0)`. As there, the speed is the change of the derived centre of mass between
control steps.
"""

from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from rlctl.core.specs import EnvSpec, ObservationPart
from rlctl.envs.base import Start
from rlctl.envs.gymnasium_tasks.config import HumanoidConfig
from rlctl.envs.gymnasium_tasks.locomotion import LocomotionTask, displacement, with_residual
from rlctl.envs.gymnasium_tasks.task import motors, uniform_start, within
from rlctl.physics.base import Physics

LEG = ("hip_x", "hip_z", "hip_y", "knee")
ARM = ("shoulder1", "shoulder2", "elbow")
MOTORS = (
    *("abdomen_y", "abdomen_z", "abdomen_x"),
    *(f"{side}_{joint}" for side in ("right", "left") for joint in LEG),
    *(f"{side}_{joint}" for side in ("right", "left") for joint in ARM),
)
GEARS = {"hip_y": 300, "knee": 200} | dict.fromkeys(ARM, 25)  # N m of a control of 1, else 100
CONTROL_MAX = 0.4
BODIES = 13  # without the world
STANDING = (0.0, 0.0, 1.4, 1.0, 0.0, 0.0, 0.0, *(0.0,) * 17)  # position, attitude, joints


class Humanoid(LocomotionTask):
    """Forward reward and healthy reward, minus control cost."""

    xml = "humanoid.xml"
    defaults = HumanoidConfig()
    fields = ("qpos", "qvel", "cinert", "cvel", "qfrc_actuator", "xipos", "xipos_residual")
    spec = EnvSpec(
        id="humanoid",
        observation=(
            ObservationPart("height", 1, "m"),
            ObservationPart("attitude", 4),
            ObservationPart("joint_angle", len(MOTORS), "rad"),
            ObservationPart("velocity", 3, "m/s"),
            ObservationPart("angular_velocity", 3, "rad/s"),
            ObservationPart("joint_velocity", len(MOTORS), "rad/s"),
            ObservationPart("body_inertia", BODIES * 10, "6 kg m2, 3 kg m, kg"),
            ObservationPart("body_velocity", BODIES * 6, "3 rad/s, 3 m/s"),
            ObservationPart("joint_torque", len(MOTORS), "N m"),
        ),
        action=motors(
            {motor: GEARS.get(motor.partition("_")[2], 100) for motor in MOTORS}, CONTROL_MAX
        ),
        control_dt=0.015,
        substeps=5,
        episode_length=1000,
        terms=("forward", "survive", "ctrl"),
    )

    @cached_property
    def _mass(self) -> np.ndarray:
        """Fraction of the total mass of each body, (BODIES + 1,)."""
        mass = self.model().body_mass
        return mass / mass.sum()

    def initial(self, key: jax.Array) -> Start:
        return uniform_start(key, STANDING, 23, self._config.reset_noise_scale)

    def _position(self, physics: Physics) -> jax.Array:
        return with_residual(physics.xipos[:, 0], physics.xipos_residual[:, 0])

    def _displacement(self, before: jax.Array, after: jax.Array) -> jax.Array:
        return jnp.sum(self._mass * displacement(before, after))

    def _healthy(self, physics: Physics) -> jax.Array:
        return within(physics.qpos[2], self._config.healthy_z_min, self._config.healthy_z_max)

    def _observe(self, physics: Physics) -> jax.Array:
        return jnp.concatenate(
            [
                physics.qpos[2:],
                physics.qvel,
                physics.cinert[1:].ravel(),
                physics.cvel[1:].ravel(),
                physics.qfrc_actuator[6:],
            ]
        )
