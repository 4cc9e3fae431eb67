"""Shards of PPO's update: equal parts of the environments, spread over the devices.

Every shard computes with its own environments. What the whole minibatch decides, such as
gradients and the moments of advantages, is averaged over the shards.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from rlctl.rollouts.base import Unroll
from rlctl.rollouts.devices import AXIS, COPIES, UNROLL, Devices, part_shape

_OF_DEVICE = "shards"  # axis over the shards of one device
Tree = TypeVar("Tree")


@dataclass(frozen=True)
class Reduction:
    """Sums and means over all shards, inside a function of one shard.

    Attributes:
        axes: Names of the axes over shards; none where one shard has all environments.
    """

    axes: tuple[str, ...] = ()

    def sum(self, x: Any) -> Any:
        """Return the sum over the shards."""
        return jax.lax.psum(x, self.axes) if self.axes else x

    def mean(self, tree: Tree) -> Tree:
        """Return the means over the shards, in one all-reduce for all arrays of a pytree."""
        if not self.axes:
            return tree
        flat, unravel = ravel_pytree(tree)
        return unravel(jax.lax.pmean(flat, self.axes))

    def moments(self, tree: Any) -> tuple[Any, Any]:
        """Return the means and variances of arrays over their elements on all shards."""
        mean = self.mean(jax.tree.map(jnp.mean, tree))
        squares = jax.tree.map(lambda x, m: jnp.mean(jnp.square(x - m)), tree, mean)
        return mean, self.mean(squares)

    def key(self, key: jax.Array) -> jax.Array:
        """Return the random key of this shard; the first has `key` itself."""
        if not self.axes:
            return key
        index = jax.lax.axis_index(self.axes)
        return jnp.where(index == 0, key, jax.random.fold_in(key, index))


ONE_SHARD = Reduction()


def spread(
    make: Callable[[Reduction], Callable[[Any, Unroll], Any]], shards: int, devices: Devices
) -> jax.stages.Wrapped:
    """Return the jitted update of all environments, given that of a shard's environments.

    Args:
        make: Returns the function (state, unroll of one shard) -> result. State and result are
            the same in all shards.
        shards: Number of shards, a multiple of the devices.
        devices: The devices.
    """
    each = shards // devices.num
    axes = (AXIS,) * (devices.num > 1) + (_OF_DEVICE,) * (each > 1)
    update = make(Reduction(axes))

    def of_device(state: Any, unroll: Unroll) -> Any:
        parts = jax.tree.map(
            lambda spec, tree: jax.tree.map(
                lambda x: x.reshape(part_shape(x.shape, spec, each)), tree
            ),
            UNROLL,
            unroll,
        )
        axis = jax.tree.map(lambda spec: spec.index(AXIS), UNROLL)
        # What all shards of a device have in common is computed once.
        return jax.vmap(update, (None, axis), None, axis_name=_OF_DEVICE)(state, parts)

    function = of_device if each > 1 else update
    given = (COPIES, UNROLL)
    return devices.jit(devices.split(function, given, COPIES), given)
