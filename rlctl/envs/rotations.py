"""Rotations as unit quaternions (w, x, y, z), as in MuJoCo: from the body's to the world frame."""

import jax
import jax.numpy as jnp

from rlctl.physics.base import ArrayLike


def rotate(quaternion: jax.Array, vector: ArrayLike) -> jax.Array:
    """Rotate a vector (3,) from the body's frame to the world frame."""
    w, axis = quaternion[0], quaternion[1:]
    twice = 2.0 * jnp.cross(axis, vector)
    return jnp.add(vector, w * twice) + jnp.cross(axis, twice)


def rotate_inverse(quaternion: jax.Array, vector: ArrayLike) -> jax.Array:
    """Rotate a vector (3,) from the world frame to the body's frame."""
    return rotate(quaternion * jnp.array([1.0, -1.0, -1.0, -1.0]), vector)
