"""Exploration noise of the behaviour policy.

Shapes: N environments, A action.
"""

import jax
import jax.numpy as jnp

from rlctl.rollouts.keys import ACT, NOISE_BLOCK, NOISE_OFFSET, step_keys


def normal(keys: jax.Array, time: jax.Array, *, size: int, correlated_steps: int = 0) -> jax.Array:
    """Sample standard normal noise for control step `time`: (N, A).

    Independent samples average out over the steps that a slow system takes to respond: a pendulum
    pushed back and forth 50 times a second does not move. Correlated noise pushes in one direction
    for several steps. Each sample alone is N(0, 1), so the log-density of the action is unchanged,
    as in Hollenstein et al. 2024 (arXiv 2312.11091). With n = correlated_steps:

        t + offset = (k + f) n          k an integer, 0 <= f < 1
        z_t = cos(f pi / 2) g_k + sin(f pi / 2) g_{k+1}          g_k ~ N(0, 1) independent

    The noise depends only on key and step, so there is no state to save.

    Args:
        keys: Root keys of the environments (N, 2).
        time: Control step, () uint32, counted from the first reset.
        size: A.
        correlated_steps: n; 0 for independent samples.
    """
    if not correlated_steps:
        return _sample(step_keys(keys, time, ACT), size)
    n = jnp.uint32(correlated_steps)
    # A random offset per environment: otherwise all would change direction in the same step.
    offset = jax.vmap(lambda key: jax.random.randint(key, (), 0, correlated_steps))(
        step_keys(keys, jnp.uint32(0), NOISE_OFFSET)
    )
    shifted = time + offset.astype(jnp.uint32)
    block = shifted // n
    angle = (shifted % n).astype(jnp.float32)[:, None] * (jnp.pi / 2 / correlated_steps)
    here, following = (
        _sample(jax.vmap(_block_key)(keys, number), size) for number in (block, block + 1)
    )
    return jnp.cos(angle) * here + jnp.sin(angle) * following


def _block_key(key: jax.Array, block: jax.Array) -> jax.Array:
    """Return the key of a block of correlated steps, from an environment's root key."""
    return jax.random.fold_in(jax.random.fold_in(key, block), NOISE_BLOCK)


def _sample(keys: jax.Array, size: int) -> jax.Array:
    """Sample standard normals (N, A), one row from each key."""
    return jax.vmap(lambda key: jax.random.normal(key, (size,)))(keys)
