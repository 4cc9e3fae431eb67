"""Reacher: a two-joint arm in a plane reaches a target. Gymnasium's Reacher-v5, step by step."""

import jax
import jax.numpy as jnp
import mujoco
import numpy as np

from rlctl.core.specs import EnvSpec, ObservationPart
from rlctl.envs.base import Carry, Start
from rlctl.envs.gymnasium_tasks.config import ReacherConfig
from rlctl.envs.gymnasium_tasks.task import (
    ASSETS,
    GymnasiumTask,
    add_up,
    control_cost,
    motors,
    noise,
)
from rlctl.envs.scene import compile_scene
from rlctl.physics.base import Physics

JOINTS = ("shoulder", "elbow")
FINGERTIP, TARGET = 3, 4  # bodies
REACH = 0.2  # m, largest distance of targets from the base
ANGLE_NOISE = 0.1  # rad
VELOCITY_NOISE = 0.005  # rad/s
WALLS = {
    "sideS": 1,
    "sideN": 1,
    "sideE": -1,
    "sideW": -1,
}  # geom -> 1 to extend over the corners, -1 to shorten
CAMERA = {"pos": [0, -0.55, 0.8], "xyaxes": [1, 0, 0, 0, 0.82, 0.57]}


class Reacher(GymnasiumTask):
    """Costs of the distance from fingertip to target and of control. Never terminates."""

    xml = "reacher.xml"
    defaults = ReacherConfig()
    fields = ("qpos", "qvel", "xpos")
    spec = EnvSpec(
        id="reacher",
        observation=(
            ObservationPart("cos_angle", len(JOINTS)),
            ObservationPart("sin_angle", len(JOINTS)),
            ObservationPart("target", 2, "m"),
            ObservationPart("joint_velocity", len(JOINTS), "rad/s"),
            ObservationPart("fingertip_from_target", 2, "m"),
        ),
        action=motors(dict.fromkeys(JOINTS, 200)),
        control_dt=0.02,
        substeps=2,
        episode_length=50,
        terms=("dist", "ctrl"),
        cameras=("above",),
    )

    def scene(self) -> mujoco.MjModel:
        return compile_scene(
            ASSETS / self.xml, cameras={"above": CAMERA}, plane="ground", change=_flatten_walls
        )

    def initial(self, key: jax.Array) -> Start:
        angle_key, velocity_key, radius_key, bearing_key = jax.random.split(key, 4)
        radius = REACH * jnp.sqrt(jax.random.uniform(radius_key))  # uniform over the disc
        bearing = jax.random.uniform(bearing_key, maxval=2.0 * jnp.pi)
        target = radius * jnp.stack([jnp.cos(bearing), jnp.sin(bearing)])
        velocity = noise(velocity_key, 2, VELOCITY_NOISE)
        return Start(
            jnp.concatenate([noise(angle_key, 2, ANGLE_NOISE), target]),
            jnp.concatenate([velocity, jnp.zeros(2)]),
        )

    def after(
        self, carry: Carry, physics: Physics, action: jax.Array, key: jax.Array
    ) -> tuple[Carry, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]]:
        config = self._config
        metrics = {
            "dist": -config.reward_dist_weight * jnp.linalg.norm(self._gap(physics)),
            "ctrl": -control_cost(action, config.reward_control_weight),
        }
        return carry, self._observe(physics), add_up(metrics), jnp.zeros(()), metrics

    def _gap(self, physics: Physics) -> jax.Array:
        """Return the vector from target to fingertip, (3,)."""
        return physics.xpos[FINGERTIP] - physics.xpos[TARGET]

    def _observe(self, physics: Physics) -> jax.Array:
        angle, target = physics.qpos[:2], physics.qpos[2:]
        return jnp.concatenate(
            [jnp.cos(angle), jnp.sin(angle), target, physics.qvel[:2], self._gap(physics)[:2]]
        )


def _flatten_walls(spec: mujoco.MjSpec) -> None:
    """Replace the round walls by boxes: grazing light leaves specks of shadow on round ones.

    Boxes must not overlap at the corners, where light would be added twice.
    """
    for name, sign in WALLS.items():
        wall = spec.geom(name)
        start, end = np.split(np.array(wall.fromto), 2)
        corner = sign * wall.size[0] * (end - start) / np.linalg.norm(end - start)
        wall.type = mujoco.mjtGeom.mjGEOM_BOX
        wall.fromto = [*start - corner, *end + corner]
