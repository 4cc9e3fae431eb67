"""Barkour: a quadruped that follows a velocity command over flat ground or hills.

Google's Barkour vB (Caluwaerts et al. 2023, arXiv 2305.14654) with the joystick task of MuJoCo's
MJX tutorial: same observation, reward, noise, kicks, randomisation and commands. Two things differ.
Every reset is a full reset of command, history and counters. And the torso's pose and velocity are
read from the current state, where the tutorial's are a physics step (4 ms) old; feet and torques
are that old in both, like every field that mj_step derives.
"""

from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import mujoco
import numpy as np

from rlctl.envs.barkour import meshes
from rlctl.envs.barkour.config import BarkourConfig
from rlctl.envs.barkour.eval_metrics import eval_metrics
from rlctl.envs.barkour.initial_state import STANCE, randomize_initial_state
from rlctl.envs.barkour.rewards import Feet, Motion, terms
from rlctl.envs.barkour.spec import CONTROL_DT, JOINTS, LEGS, spec
from rlctl.envs.barkour.terrain import FOOT_RADIUS, make_terrain
from rlctl.envs.base import BaseEnvironment, Drawn, Edits, Start
from rlctl.envs.rotations import rotate, rotate_inverse
from rlctl.envs.scene import compile_physics
from rlctl.physics.base import Physics

XML = Path(__file__).parent / "assets" / "barkour.xml"
HOME_HEIGHT = 0.28  # m
HOME_POSE = np.array([0.0, 0.5, 1.0] * 4, np.float32)  # rad
POSE_MIN = np.array([-0.7, -1.0, 0.05] * 4, np.float32)  # rad, joint targets stay within,
POSE_MAX = np.array([0.52, 2.1, 2.1] * 4, np.float32)  # and joints without end the episode
MIN_HEIGHT = 0.18  # m, of the torso above the ground

TOUCH_HEIGHT = 1e-3  # m, a foot this low is in contact
SLIP_HEIGHT = 3e-2  # m, a foot this low should not slide

YAW_SCALE = 0.25
DOWN = np.array([0.0, 0.0, -1.0], np.float32)
COMMAND_SCALE = np.array([2.0, 2.0, 0.25], np.float32)
OBSERVATION_CLIP = 100.0
REWARD_MAX = 1e4


class Memory(NamedTuple):
    """State between steps, float32. Field names are names of checkpoint members.

    Attributes:
        command: (3,) vx, vy, turn rate.
        history: (31 x config.history,) stacked frames, newest first.
        last_action: (12,).
        touching: (4,) 1 for feet in contact.
        air_time: (4,) seconds since each foot's last contact.
        clock: () control steps since the command changed.
    """

    command: jax.Array
    history: jax.Array
    last_action: jax.Array
    touching: jax.Array
    air_time: jax.Array
    clock: jax.Array


class Barkour(BaseEnvironment):
    """Velocity tracking. The tracking terms give at most 46 in an episode of 1000 steps."""

    fields = ("qpos", "qvel", "qfrc_actuator", "sensordata")

    def __init__(self, config: BarkourConfig | None = None) -> None:
        self._config = config = config or BarkourConfig()
        self._terrain = make_terrain(config)
        self.spec = spec(config.history)
        self._scales = {name: getattr(config, f"reward_{name}") for name in self.spec.terms}
        self.command_low = np.array([config.vx_min, config.vy_min, config.yaw_min], np.float32)
        self.command_high = np.array([config.vx_max, config.vy_max, config.yaw_max], np.float32)

    def model(self) -> mujoco.MjModel:
        return compile_physics(XML, self._terrain.add)

    def scene(self) -> mujoco.MjModel:
        return meshes.scene(XML, self._terrain.add)

    def initial(self, key: jax.Array) -> Start:
        base = jnp.array([0.0, 0.0, HOME_HEIGHT, 1.0, 0.0, 0.0, 0.0])
        qpos, qvel = jnp.concatenate([base, HOME_POSE]), jnp.zeros(6 + len(JOINTS))
        stance = STANCE
        if self._config.randomizes_start:
            bounds = POSE_MIN, POSE_MAX
            qpos, qvel, stance = randomize_initial_state(
                key, qpos, qvel, self._config, bounds, self.model()
            )
        return Start(qpos.at[:3].add(self._terrain.start(key, stance)), qvel)

    def begin(self, physics: Physics, drawn: Drawn, key: jax.Array) -> tuple[Memory, jax.Array]:
        command_key, noise_key = jax.random.split(key)
        memory = Memory(
            command=self._sample_command(command_key),
            history=jnp.zeros(self.spec.policy_size),
            last_action=jnp.zeros(len(JOINTS)),
            touching=jnp.zeros(len(LEGS)),
            air_time=jnp.zeros(len(LEGS)),
            clock=jnp.zeros(()),
        )
        history = self._push_frame(memory, physics, noise_key)
        observation = self._observe(history, physics, self._motion(memory, physics))
        return memory._replace(history=history), observation

    def before(
        self, carry: Memory, physics: Physics, action: jax.Array, key: jax.Array
    ) -> tuple[Edits, jax.Array]:
        config = self._config
        angle = jax.random.uniform(key, maxval=2.0 * jnp.pi)
        speed = jnp.where(carry.clock % config.kick_interval == 0, config.kick_velocity, 0.0)
        kick = speed * jnp.stack([jnp.cos(angle), jnp.sin(angle)])
        target = jnp.clip(HOME_POSE + action * config.action_scale, POSE_MIN, POSE_MAX)
        return {"qvel": jnp.zeros_like(physics.qvel).at[:2].set(kick)}, target

    def after(
        self, carry: Memory, physics: Physics, action: jax.Array, key: jax.Array
    ) -> tuple[Memory, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]]:
        noise_key, command_key = jax.random.split(key)
        # The frame holds the previous action, not `action`: the published policy expects that.
        history = self._push_frame(carry, physics, noise_key)
        config = self._config
        motion = self._motion(carry, physics)
        observation = self._observe(history, physics, motion)
        terminated = self._fallen(physics, motion)

        early = jnp.where(carry.clock < config.command_interval, terminated, 0.0)
        values = terms(
            motion, carry.command, action, carry.last_action, early, config.tracking_sigma
        )
        metrics = {name: self._scales[name] * CONTROL_DT * values[name] for name in self.spec.terms}
        reward = jnp.clip(sum(metrics.values()), 0.0, REWARD_MAX)

        clock = carry.clock + 1.0
        expired = clock > config.command_interval
        memory = Memory(
            command=jnp.where(expired, self._sample_command(command_key), carry.command),
            history=history,
            last_action=action,
            touching=motion.feet.touching,
            air_time=motion.feet.air_time * (1.0 - motion.feet.touched),
            clock=jnp.where(expired, 0.0, clock),
        )
        return memory, observation, reward, terminated, metrics | eval_metrics(motion, physics.qvel)

    def randomize(self, key: jax.Array, model: mujoco.MjModel) -> dict[str, jax.Array]:
        """Sample one sliding friction for floor and feet, and one gain for all joints."""
        config = self._config
        friction_key, gain_key = jax.random.split(key)
        friction = jax.random.uniform(
            friction_key, minval=config.friction_min, maxval=config.friction_max
        )
        offset = jax.random.uniform(gain_key, minval=-config.kp_offset, maxval=config.kp_offset)
        gain = jnp.asarray(model.actuator_gainprm, jnp.float32)
        bias = jnp.asarray(model.actuator_biasprm, jnp.float32)
        return {
            "geom_friction": jnp.asarray(model.geom_friction, jnp.float32).at[:, 0].set(friction),
            "actuator_gainprm": gain.at[:, 0].add(offset),
            "actuator_biasprm": bias.at[:, 1].add(-offset),
        }

    def command(self, carry: Memory) -> jax.Array:
        return carry.command

    def set_command(self, carry: Memory, command: jax.Array) -> Memory:
        return carry._replace(command=command)

    def _sample_command(self, key: jax.Array) -> jax.Array:
        return jax.random.uniform(key, (3,), minval=self.command_low, maxval=self.command_high)

    def _push_frame(self, memory: Memory, physics: Physics, key: jax.Array) -> jax.Array:
        """Prepend the noisy frame of this step to the history and drop the oldest."""
        frame = jnp.concatenate(
            [
                physics.qvel[5:6] * YAW_SCALE,
                rotate_inverse(physics.qpos[3:7], DOWN),
                memory.command * COMMAND_SCALE,
                physics.qpos[7:] - HOME_POSE,
                memory.last_action,
            ]
        )
        noise = jax.random.uniform(key, frame.shape, minval=-1.0, maxval=1.0)
        frame = jnp.clip(frame, -OBSERVATION_CLIP, OBSERVATION_CLIP)
        frame = frame + self._config.obs_noise * noise
        return jnp.concatenate([frame, memory.history[: -frame.size]])

    def _observe(self, history: jax.Array, physics: Physics, motion: Motion) -> jax.Array:
        """Return the policy's observation, followed by the privileged part."""
        foot_velocity = jax.vmap(rotate_inverse, (None, 0))(physics.qpos[3:7], motion.feet.velocity)
        exact = [
            motion.local_velocity,
            motion.local_rates,
            rotate_inverse(physics.qpos[3:7], DOWN),
            motion.height[None],
            physics.qvel[6:],
            foot_velocity.ravel(),
            motion.feet.height,
            motion.feet.air_time,
        ]
        return jnp.concatenate([history, *exact])

    def _motion(self, memory: Memory, physics: Physics) -> Motion:
        attitude, velocity, local_rates = physics.qpos[3:7], physics.qvel[:3], physics.qvel[3:6]
        return Motion(
            height=self._terrain.height(physics.qpos[:3]),
            velocity=velocity,
            local_velocity=rotate_inverse(attitude, velocity),
            rates=rotate(attitude, local_rates),
            local_rates=local_rates,
            up=rotate(attitude, np.array([0.0, 0.0, 1.0], np.float32)),
            pose=physics.qpos[7:] - HOME_POSE,
            torques=physics.qfrc_actuator,
            feet=self._feet(memory, physics),
        )

    def _feet(self, memory: Memory, physics: Physics) -> Feet:
        position, velocity = physics.sensordata.reshape(2, len(LEGS), 3)
        height = self._terrain.distances(position) - FOOT_RADIUS
        before = memory.touching > 0
        touching = height < TOUCH_HEIGHT
        touched = touching | before
        return Feet(
            height=height,
            velocity=velocity,
            touching=touching.astype(jnp.float32),
            touched=touched.astype(jnp.float32),
            near=((height < SLIP_HEIGHT) | before).astype(jnp.float32),
            landed=(touched & (memory.air_time > 0)).astype(jnp.float32),
            air_time=memory.air_time + CONTROL_DT,
        )

    def _fallen(self, physics: Physics, motion: Motion) -> jax.Array:
        """Return 1 if upside down, too low, or a joint is out of bounds, else 0: ()."""
        pose = physics.qpos[7:]
        out = jnp.any((pose < POSE_MIN) | (pose > POSE_MAX))
        return (out | (motion.up[2] < 0.0) | (motion.height < MIN_HEIGHT)).astype(jnp.float32)
