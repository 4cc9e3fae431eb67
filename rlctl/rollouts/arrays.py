"""Pytrees: selection by row, and conversion from and to named numpy arrays."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rlctl.physics.base import ArrayLike

ALIGNMENT = 64  # bytes; XLA on CPU reads a numpy array without a copy only if aligned like this


def aligned(like: jax.ShapeDtypeStruct) -> np.ndarray:
    """Allocate an array of zeros that JAX on CPU can use without a copy."""
    size = like.size * like.dtype.itemsize
    raw = np.zeros(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size].view(like.dtype).reshape(like.shape)


def write(blocks: Any, index: Any, values: Any) -> None:
    """Write the leaves of `values` to `block[index]` of the numpy arrays in `blocks`."""
    for block, value in zip(jax.tree.leaves(blocks), jax.tree.leaves(values), strict=True):
        block[index] = value


def select(done: ArrayLike, fresh: Any, old: Any) -> Any:
    """Select the leaves of `fresh` where done (n,), of `old` elsewhere."""

    def pick(new: jax.Array, kept: jax.Array) -> jax.Array:
        return jnp.where(done.reshape(done.shape + (1,) * (new.ndim - 1)) > 0, new, kept)

    return jax.tree.map(pick, fresh, old)


def flatten(tree: Any) -> dict[str, np.ndarray]:
    """Name every leaf by its path and convert it to numpy: {"book/length": ...}."""
    return {name: np.asarray(leaf) for name, leaf in named(tree).items()}


def named(tree: Any) -> dict[str, Any]:
    """Name every leaf by its path, without moving it between devices."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {_name(path): leaf for path, leaf in leaves}


def unflatten(like: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Rebuild a pytree with the structure of `like` from named leaves, as JAX arrays."""
    paths, treedef = jax.tree_util.tree_flatten_with_path(like)
    return treedef.unflatten([jax.numpy.asarray(arrays[_name(path)]) for path, _ in paths])


def _name(path: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")
