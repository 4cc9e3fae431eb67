"""Random keys, folded from (seed, environment index, step, stream): never from batches or order."""

from functools import partial

import jax

# Streams: what a key of a step is for.
ACT, BEFORE, AFTER, INITIAL, BEGIN, DRAW, NOISE_OFFSET, NOISE_BLOCK = range(8)
NO_ENVIRONMENT = 2**32 - 1  # takes an index's place where model fields are drawn


def environment_keys(seed: int, indices: jax.Array) -> jax.Array:
    """The root key of each environment: (n, 2) uint32 of indices (n,) uint32."""
    return jax.vmap(partial(jax.random.fold_in, jax.random.PRNGKey(seed)))(indices)


def draw_keys(seed: int, indices: jax.Array) -> jax.Array:
    """The key of each environment's model fields: (n, 2) uint32 of indices (n,) uint32."""
    base = jax.random.fold_in(jax.random.PRNGKey(seed), NO_ENVIRONMENT)
    return jax.vmap(partial(jax.random.fold_in, base))(indices)


def step_keys(keys: jax.Array, time: jax.Array, stream: int) -> jax.Array:
    """One key per environment, (n, 2), for one stream of step `time`, from root keys (n, 2).

    INITIAL, BEGIN and DRAW are of the first step of the episode that they start.
    """
    return jax.vmap(lambda key: jax.random.fold_in(jax.random.fold_in(key, time), stream))(keys)
