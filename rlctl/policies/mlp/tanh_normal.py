"""The tanh-squashed normal distribution, on pre-squash ("raw") actions, as in Brax.

A network gives [mu, s] (..., 2A); sigma = (softplus(s) + min_std) * var_scale, u ~ N(mu, sigma),
and the action is tanh(u), scaled to its bounds. Densities are of tanh(u): the constant of the
scaling is left out because it has no gradient.
"""

import math

import jax
import jax.numpy as jnp


def mean_and_scale(
    logits: jax.Array, min_std: float, var_scale: float
) -> tuple[jax.Array, jax.Array]:
    """Split logits (..., 2A) into mu (..., A) and sigma (..., A)."""
    mean, raw = jnp.split(logits, 2, axis=-1)
    return mean, (jax.nn.softplus(raw) + min_std) * var_scale


def log_prob(mean: jax.Array, scale: jax.Array, raw_action: jax.Array) -> jax.Array:
    """Return the log-density of tanh(u), (...,).

    It is log N(u; mu, sigma) - log |d tanh(u) / du|, summed over A.
    """
    z = (raw_action - mean) / scale
    normal = -0.5 * z * z - jnp.log(scale) - 0.5 * math.log(2.0 * math.pi)
    return jnp.sum(normal - log_slope(raw_action), axis=-1)


def entropy(mean: jax.Array, scale: jax.Array, noise: jax.Array) -> jax.Array:
    """Estimate the entropy of tanh(u), (...,), from one sample u = mu + sigma * noise.

    H[tanh u] = H[u] + E log |d tanh(u) / du|, and H[u] = log sigma + (1 + log 2 pi) / 2.
    """
    normal = 0.5 + 0.5 * math.log(2.0 * math.pi) + jnp.log(scale)
    return jnp.sum(normal + log_slope(mean + scale * noise), axis=-1)


def log_slope(raw_action: jax.Array) -> jax.Array:
    """Compute log (1 - tanh(u)^2) as 2 (log 2 - u - softplus(-2u)), which does not lose digits."""
    return 2.0 * (math.log(2.0) - raw_action - jax.nn.softplus(-2.0 * raw_action))


def scale_action(raw_action: jax.Array, low: jax.Array, high: jax.Array) -> jax.Array:
    """Squash and scale u (..., A) into the bounds (A,): low + (tanh(u) + 1) / 2 (high - low)."""
    return low + (jnp.tanh(raw_action) + 1.0) * 0.5 * (high - low)
