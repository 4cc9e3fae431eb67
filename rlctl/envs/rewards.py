"""Reward functions shared by environments."""

import jax
import jax.numpy as jnp


def tolerance(
    x: jax.Array, lower: float, upper: float, margin: float = 0.0, value_at_margin: float = 0.1
) -> jax.Array:
    """Return 1 where x lies in [lower, upper], falling off as a Gaussian outside.

    Same as dm_control's function of that name (arXiv 1801.00690, section 3).

    Args:
        x: Any shape.
        lower: Lower bound of the interval, inclusive.
        upper: Upper bound of the interval, inclusive.
        margin: Distance from the interval at which the value is `value_at_margin`; 0: a step.
        value_at_margin: Between 0 and 1.

    Returns:
        Same shape as x, between 0 and 1.
    """
    inside = (lower <= x) & (x <= upper)
    if margin == 0:
        return inside.astype(x.dtype)
    distance = jnp.where(x < lower, lower - x, x - upper) / margin
    return jnp.where(inside, 1.0, value_at_margin ** jnp.square(distance))


def tracking(error: jax.Array, sigma: float) -> jax.Array:
    """Return exp(-|error|^2 / sigma) of an error vector (n,), 1 without error."""
    return jnp.exp(-squared(error) / sigma)


def squared(x: jax.Array) -> jax.Array:
    """Return the sum of squares of a vector (n,)."""
    return jnp.sum(jnp.square(x))
