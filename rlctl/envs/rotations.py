"""Rotations as unit quaternions (w, x, y, z), MuJoCo's order; a body's turns its frame to world."""

import jax
import jax.numpy as jnp


def rotate(quaternion: jax.Array, vector: jax.Array) -> jax.Array:
    """A vector (3,) of the body's frame, seen from the world."""
    w, axis = quaternion[0], quaternion[1:]
    twice = 2.0 * jnp.cross(axis, vector)
    return vector + w * twice + jnp.cross(axis, twice)


def rotate_inverse(quaternion: jax.Array, vector: jax.Array) -> jax.Array:
    """A vector (3,) of the world, seen from the body's frame."""
    return rotate(quaternion * jnp.array([1.0, -1.0, -1.0, -1.0]), vector)
