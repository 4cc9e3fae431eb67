"""How Barkour walks, besides what is rewarded: sums of these are what its figures are made of.

All is seen once a control step, after its last physics step. The torques are those of that step and
the velocities what they came to, so power misses the peak that follows a new joint target.
"""

import jax
import jax.numpy as jnp

from rlctl.envs.barkour.rewards import Motion

WEIGHT = 14.4965 * 9.81  # N


def measure(motion: Motion, velocity: jax.Array) -> dict[str, jax.Array]:
    """Scalars by name.

    Args:
        motion: The robot after the step.
        velocity: (18,) of all degrees of freedom, m/s and rad/s.

    Returns:
        power: Of the joints, what they brake with counted like what they drive with, W.
        weight_speed: The robot's weight times the torso's horizontal speed, W.
        slip: Horizontal speeds of the centres of the feet on the ground, their sum, m/s.
        contacts: How many feet are on the ground.
    """
    feet, (x, y) = motion.feet, motion.feet.velocity.T[:2]
    # No norm: XLA would share its squares with the reward's foot_slip and round that otherwise.
    return {
        "power": jnp.sum(jnp.abs(motion.torques * velocity)),
        "weight_speed": WEIGHT * jnp.hypot(*motion.velocity[:2]),
        "slip": jnp.sum(jnp.hypot(x, y) * feet.touching),
        "contacts": jnp.sum(feet.touching),
    }
