"""Reward terms of Barkour, before scaling."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rlctl.envs.rewards import squared, tracking

MOVING = 0.05  # m/s, faster commands mean walking
STANDING = 0.1  # m/s, slower commands mean standing still
STEP_TIME = 0.1  # s, shorter swings are penalised


class Feet(NamedTuple):
    """The four feet after a control step, flags as 0 or 1.

    Attributes:
        height: (4,) above the ground, m.
        velocity: (4, 3) in the world, m/s.
        touching: (4,) on the ground now.
        touched: (4,) on the ground now or a step ago.
        near: (4,) within 3 cm of the ground now, or on it a step ago.
        landed: (4,) touched for the first time after a swing.
        air_time: (4,) duration of the current swing, or of the one just ended, s.
    """

    height: jax.Array
    velocity: jax.Array
    touching: jax.Array
    touched: jax.Array
    near: jax.Array
    landed: jax.Array
    air_time: jax.Array


class Motion(NamedTuple):
    """The robot after a control step.

    Attributes:
        height: () of the torso above the ground, m.
        velocity: (3,) of the torso, in the world, m/s.
        local_velocity: (3,) the same in the torso's own frame.
        rates: (3,) angular velocity of the torso, in the world, rad/s.
        local_rates: (3,) the same in the torso's own frame.
        up: (3,) the torso's z axis, in the world.
        pose: (12,) joint angles less those of the home pose, rad.
        torques: (18,) of the actuators, on all degrees of freedom, N m.
        feet: The feet.
    """

    height: jax.Array
    velocity: jax.Array
    local_velocity: jax.Array
    rates: jax.Array
    local_rates: jax.Array
    up: jax.Array
    pose: jax.Array
    torques: jax.Array
    feet: Feet


def terms(
    motion: Motion,
    command: jax.Array,
    action: jax.Array,
    last_action: jax.Array,
    fell_early: jax.Array,
    sigma: float,
) -> dict[str, jax.Array]:
    """Compute every term by name, as scalars.

    Args:
        motion: The robot after the step.
        command: (3,) vx, vy, turn rate.
        action: (12,) of this step.
        last_action: (12,) of the step before.
        fell_early: () 1 when this step ended the episode before the command was changed.
        sigma: Squared velocity error at which tracking gives 1/e.
    """
    speed = jnp.linalg.norm(command[:2])
    standing = (speed < STANDING).astype(speed.dtype)
    moving = (speed > MOVING).astype(speed.dtype)
    feet = motion.feet
    slip = jnp.sum(jnp.square(feet.velocity[:, :2]), axis=-1)
    return {
        "tracking_lin_vel": tracking(command[:2] - motion.local_velocity[:2], sigma),
        "tracking_ang_vel": tracking(command[2:] - motion.local_rates[2:], sigma),
        "lin_vel_z": jnp.square(motion.velocity[2]),
        "ang_vel_xy": squared(motion.rates[:2]),
        "orientation": squared(motion.up[:2]),
        "torques": jnp.linalg.norm(motion.torques) + jnp.sum(jnp.abs(motion.torques)),
        "action_rate": squared(action - last_action),
        "stand_still": jnp.sum(jnp.abs(motion.pose)) * standing,
        "feet_air_time": jnp.sum((feet.air_time - STEP_TIME) * feet.landed) * moving,
        "foot_slip": jnp.sum(slip * feet.near),
        "termination": fell_early,
    }
