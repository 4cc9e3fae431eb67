"""View of the physics for environments."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rlctl.physics.base import Physics
from rlctl.physics.precision import source_field, to_float32


def test_fields_are_attributes():
    physics = Physics({"qpos": jnp.arange(3.0)})
    np.testing.assert_array_equal(physics.qpos, [0, 1, 2])
    with pytest.raises(AttributeError, match=r"no field 'xpos'.*\['qpos'\]"):
        _ = physics.xpos


def test_it_is_a_pytree():
    batch = Physics({"qvel": jnp.ones((4, 2)), "qpos": jnp.zeros((4, 3))})
    total = jax.jit(jax.vmap(lambda p: p.qpos.sum() + p.qvel.sum()))(batch)
    np.testing.assert_array_equal(total, [2, 2, 2, 2])
    doubled = jax.tree.map(lambda x: 2 * x, batch)
    assert doubled.qvel.shape == (4, 2)
    assert doubled.qvel[0, 0] == 2


def test_a_residual_is_the_rounding_error():
    values = np.array([1000.0 + 1e-6, -0.1, 3.0])
    rounded, rest = to_float32("qpos", values), to_float32("qpos_residual", values)
    assert rounded.dtype == rest.dtype == np.float32
    np.testing.assert_array_equal(rounded, np.float32(values))
    np.testing.assert_allclose(np.float64(rounded) + rest, values, rtol=1e-14)
    assert rest[0] > 9e-7
    assert rest[2] == 0
    assert (source_field("qpos_residual"), source_field("qpos")) == ("qpos", "qpos")
