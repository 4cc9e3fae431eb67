"""Randomised initial states of Barkour."""

import jax
import jax.numpy as jnp
import mujoco
import numpy as np

from rlctl.envs.barkour.config import BarkourConfig
from rlctl.envs.barkour.spec import LEGS
from rlctl.envs.rotations import rotate

STANCE = np.array(  # m, x and y of the feet from the torso in the home pose
    [[0.2206, 0.1897], [-0.2529, 0.1900], [0.2206, -0.1912], [-0.2527, -0.1912]], np.float32
)


def randomize_initial_state(
    key: jax.Array,
    qpos: jax.Array,
    qvel: jax.Array,
    config: BarkourConfig,
    bounds: tuple[np.ndarray, np.ndarray],
    model: mujoco.MjModel,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Randomise joint angles, heading and velocity of an initial state.

    Args:
        key: Random key.
        qpos: (19,) default start, level and at rest. The lowest foot keeps its height.
        qvel: (18,) likewise.
        config: Ranges of the randomisation.
        bounds: (12,) lowest and highest joint angles, rad, which limit the randomisation.
        model: Physics model.

    Returns:
        qpos, qvel, and x, y of the feet from the torso, (4, 2) m.
    """
    pose_key, yaw_key, velocity_key = jax.random.split(key, 3)
    home, noise = qpos[7:], config.initial_pose_noise
    low, high = jnp.maximum(home - noise, bounds[0]), jnp.minimum(home + noise, bounds[1])
    pose = jax.random.uniform(pose_key, home.shape, minval=low, maxval=high)
    feet = _feet(pose, model)
    lift = jnp.min(_feet(home, model)[:, 2]) - jnp.min(feet[:, 2])
    yaw = jax.random.uniform(yaw_key, minval=-config.initial_yaw, maxval=config.initial_yaw)
    heading = jnp.stack([jnp.cos(yaw / 2.0), jnp.zeros(()), jnp.zeros(()), jnp.sin(yaw / 2.0)])
    speed = config.initial_velocity
    velocity = jax.random.uniform(velocity_key, (6,), minval=-speed, maxval=speed)
    # Raise the torso where a foot would be lower than at home, so that none starts in the ground.
    height = qpos[2] + jnp.maximum(lift, 0.0)
    stance = jax.vmap(rotate, (None, 0))(heading, feet)[:, :2]
    start = jnp.concatenate([qpos[:2], height[None], heading, pose])
    return start, qvel.at[:6].add(velocity), stance


def _feet(pose: jax.Array, model: mujoco.MjModel) -> jax.Array:
    """Compute the feet's centres from a level torso's origin, (4, 3) m, for joint angles (12,)."""
    feet = [model.site(f"foot_{leg}") for leg in LEGS]
    body = np.array([foot.bodyid[0] for foot in feet])
    point = jnp.asarray(np.stack([foot.pos for foot in feet]), jnp.float32)
    for angle in jnp.flip(pose.reshape(len(LEGS), 3).T, 0):  # knees, hips, abductions
        x, y, z = point.T
        cos, sin = jnp.cos(angle), jnp.sin(angle)  # every joint turns about its body's z axis
        turned = jnp.stack([cos * x - sin * y, sin * x + cos * y, z], axis=1)
        attitude = jnp.asarray(model.body_quat[body], jnp.float32)
        point = jnp.asarray(model.body_pos[body], jnp.float32) + jax.vmap(rotate)(attitude, turned)
        body = model.body_parentid[body]
    return point
