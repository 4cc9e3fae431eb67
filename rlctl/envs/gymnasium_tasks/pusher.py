"""Pusher: an arm pushes an object to its goal. Gymnasium's Pusher-v5, equal to it step by step."""

import jax
import jax.numpy as jnp
import mujoco

from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart
from rlctl.envs.base import Carry, Start
from rlctl.envs.gymnasium_tasks.config import PusherConfig
from rlctl.envs.gymnasium_tasks.task import ASSETS, GymnasiumTask, add_up, control_cost, noise
from rlctl.envs.scene import compile_scene
from rlctl.physics.base import Physics

JOINTS = (
    "shoulder_pan",
    "shoulder_lift",
    "upper_arm_roll",
    "elbow_flex",
    "forearm_roll",
    "wrist_flex",
    "wrist_roll",
)
TORQUE = 2.0  # N m
TIPS, OBJECT, GOAL = 10, 11, 12  # bodies
CLEARANCE = 0.17  # m, least initial distance of the object from the goal
OBJECT_LOW, OBJECT_HIGH = (-0.3, -0.2), (0.0, 0.2)  # m, y and x from the goal
VELOCITY_NOISE = 0.005  # rad/s
CAMERA = {"pos": [1.9, -1.5, 1.0], "xyaxes": [0.6, 0.8, 0, -0.42, 0.315, 0.85]}
FLOOR = -0.6  # m, below the table


class Pusher(GymnasiumTask):
    """Costs of the distances from fingertips to object and object to goal, and of control."""

    xml = "pusher_v5.xml"
    defaults = PusherConfig()
    fields = ("qpos", "qvel", "xpos")
    spec = EnvSpec(
        id="pusher",
        observation=(
            ObservationPart("joint_angle", len(JOINTS), "rad"),
            ObservationPart("joint_velocity", len(JOINTS), "rad/s"),
            ObservationPart("fingertips", 3, "m"),
            ObservationPart("object", 3, "m"),
            ObservationPart("goal", 3, "m"),
        ),
        action=tuple(ActionPart(joint, -TORQUE, TORQUE, "N m", "torque") for joint in JOINTS),
        control_dt=0.05,
        substeps=5,
        episode_length=100,
        terms=("dist", "ctrl", "near"),
        cameras=("side",),
    )

    def scene(self) -> mujoco.MjModel:
        return compile_scene(ASSETS / self.xml, floor=FLOOR, cameras={"side": CAMERA})

    def initial(self, key: jax.Array) -> Start:
        object_key, velocity_key = jax.random.split(key)
        position = jnp.concatenate([jnp.zeros(7), self._sample_object(object_key), jnp.zeros(2)])
        velocity = jnp.concatenate([noise(velocity_key, 7, VELOCITY_NOISE), jnp.zeros(4)])
        return Start(position, velocity)

    def after(
        self, carry: Carry, physics: Physics, action: jax.Array, key: jax.Array
    ) -> tuple[Carry, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]]:
        config = self._config
        from_tips = jnp.linalg.norm(physics.xpos[OBJECT] - physics.xpos[TIPS])
        from_goal = jnp.linalg.norm(physics.xpos[OBJECT] - physics.xpos[GOAL])
        metrics = {
            "dist": -config.reward_dist_weight * from_goal,
            "ctrl": -control_cost(action, config.reward_control_weight),
            "near": -config.reward_near_weight * from_tips,
        }
        return carry, self._observe(physics), add_up(metrics), jnp.zeros(()), metrics

    def _sample_object(self, key: jax.Array) -> jax.Array:
        """Sample the object's y and x (2,) from a rectangle, again while too near the goal."""
        low, high = jnp.array(OBJECT_LOW), jnp.array(OBJECT_HIGH)

        def resample(state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            key, sample_key = jax.random.split(state[0])
            return key, jax.random.uniform(sample_key, (2,), minval=low, maxval=high)

        def near(state: tuple[jax.Array, jax.Array]) -> jax.Array:
            return jnp.linalg.norm(state[1]) <= CLEARANCE

        return jax.lax.while_loop(near, resample, (key, jnp.zeros(2)))[1]

    def _observe(self, physics: Physics) -> jax.Array:
        bodies = (TIPS, OBJECT, GOAL)
        return jnp.concatenate(
            [physics.qpos[:7], physics.qvel[:7], *(physics.xpos[body] for body in bodies)]
        )
