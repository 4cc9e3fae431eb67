"""Per-step metrics behind Barkour's evaluation metrics, which are ratios of their sums.

They are computed once per control step, after its last physics step, from the torques of that step
and the velocities after it. So power misses the peak that follows a new joint target.
"""

import jax
import jax.numpy as jnp

from rlctl.envs.barkour.rewards import Motion

WEIGHT = 14.4965 * 9.81  # N


def eval_metrics(motion: Motion, velocity: jax.Array) -> dict[str, jax.Array]:
    """Compute scalars by name.

    Args:
        motion: The robot after the step.
        velocity: (18,) of all degrees of freedom, m/s and rad/s.

    Returns:
        power: Absolute mechanical power of the joints, braking included, W.
        weight_speed: Weight of the robot times horizontal speed of the torso, W.
        slip: Sum of the horizontal speeds of the feet on the ground, m/s.
        contacts: Number of feet on the ground.
    """
    feet, (x, y) = motion.feet, motion.feet.velocity.T[:2]
    # hypot, not norm: XLA would share the norm's squares with the reward's foot_slip, which would
    # change the rounding of the reward.
    return {
        "power": jnp.sum(jnp.abs(motion.torques * velocity)),
        "weight_speed": WEIGHT * jnp.hypot(*motion.velocity[:2]),
        "slip": jnp.sum(jnp.hypot(x, y) * feet.touching),
        "contacts": jnp.sum(feet.touching),
    }
