"""Conversion between pytrees and named numpy arrays."""

import math
from typing import Any

import jax
import numpy as np

ALIGNMENT = 64  # bytes; XLA on CPU reads a numpy array without a copy only if aligned like this


def aligned(shape: tuple[int, ...]) -> np.ndarray:
    """Allocate a float32 array that JAX on CPU can use without a copy."""
    size = 4 * math.prod(shape)
    raw = np.empty(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size].view(np.float32).reshape(shape)


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
