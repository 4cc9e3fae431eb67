"""Random keys, folded from (seed, environment index, step, stream), whatever the batches."""

from functools import partial

import jax

from rlctl.physics.base import ArrayLike

# Streams: the uses of a step's key. Their numbers decide results, so they never change.
ACT, BEFORE, AFTER, INITIAL, BEGIN, RANDOMIZE, NOISE_OFFSET, NOISE_BLOCK = range(8)
# Folded in before the index of an environment, for a stream that no environment's own key has.
NO_ENVIRONMENT = 2**32 - 1


def environment_keys(seed: int, indices: ArrayLike) -> jax.Array:
    """Return the root key of each environment: (n, 2) uint32 for indices (n,) uint32."""
    return jax.vmap(partial(jax.random.fold_in, jax.random.PRNGKey(seed)))(indices)


def randomization_keys(seed: int, indices: ArrayLike) -> jax.Array:
    """Return the key of each environment's model fields: (n, 2) uint32 for indices (n,) uint32."""
    base = jax.random.fold_in(jax.random.PRNGKey(seed), NO_ENVIRONMENT)
    return jax.vmap(partial(jax.random.fold_in, base))(indices)


def step_keys(keys: jax.Array, time: jax.Array, stream: int) -> jax.Array:
    """Return one key per environment, (n, 2), for a stream of step `time`, from root keys (n, 2).

    INITIAL, BEGIN and RANDOMIZE belong to the first step of the episode that they start.
    """
    return jax.vmap(lambda key: jax.random.fold_in(jax.random.fold_in(key, time), stream))(keys)
