"""Unrolls as a whole: shapes, which depend on what the algorithm records, and allocation.

Shapes: T time, N environments, O observation.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rlctl.core.specs import EnvSpec
from rlctl.physics.base import ArrayLike
from rlctl.rollouts.arrays import aligned, select
from rlctl.rollouts.base import Actor, Unroll


def unroll_shapes(actor: Actor, params: Any, length: int, num_envs: int, spec: EnvSpec) -> Unroll:
    """Return shape and dtype of every array of an unroll, as jax.ShapeDtypeStruct."""
    observation = jax.ShapeDtypeStruct((num_envs, spec.observation_size), np.float32)
    column = jax.ShapeDtypeStruct((length, num_envs), np.float32)
    keys = jax.ShapeDtypeStruct((num_envs, 2), np.uint32)
    extras, final = jax.eval_shape(partial(_record, actor), params, observation, keys)

    def over_time(row: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((length, *row.shape), row.dtype)

    return Unroll(
        observation=over_time(observation),
        extras=jax.tree.map(over_time, extras),
        reward=column,
        terminated=column,
        truncated=column,
        final=jax.tree.map(over_time, final),
        last_observation=observation,
    )


def concat_unrolls(unrolls: Sequence[Unroll]) -> Unroll:
    """Concatenate unrolls along the environment axis."""
    if len(unrolls) == 1:
        return unrolls[0]
    last = np.concatenate([u.last_observation for u in unrolls])
    return jax.tree.map(
        lambda *x: np.concatenate(x, axis=1),
        *(u._replace(last_observation=None) for u in unrolls),
    )._replace(last_observation=last)


def empty_unroll(actor: Actor, params: Any, length: int, num_envs: int, spec: EnvSpec) -> Unroll:
    """Allocate an unroll of zeros, in numpy arrays that an update on the CPU reads in place."""
    return jax.tree.map(aligned, unroll_shapes(actor, params, length, num_envs, spec))


@partial(jax.jit, static_argnums=0)  # jitted so that its shapes are traced once
def _record(actor: Actor, params: Any, observation: jax.Array, keys: jax.Array) -> tuple[Any, Any]:
    """Return what the actor records of N environments in a step: extras and `final`."""
    noise = actor.noise(keys, jnp.uint32(0))
    extras = jax.vmap(actor.act, (None, 0, 0))(params, observation, noise).extras
    return extras, jax.vmap(actor.final, (None, 0))(params, observation)


def final_where_truncated(
    actor: Actor, params: Any, observation: jax.Array, truncated: ArrayLike
) -> Any:
    """Return `actor.final` of final observations (N, O) where truncated (N,), 0 elsewhere."""

    def final() -> Any:
        return jax.vmap(actor.final, (None, 0))(params, observation)

    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(final))
    # Most steps have no truncation, so `final` is computed only if there is one.
    return jax.lax.cond(truncated.any(), lambda: select(truncated, final(), zeros), lambda: zeros)
