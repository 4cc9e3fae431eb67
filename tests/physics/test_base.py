"""The view of the physics that environments get."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rlctl.physics.base import Physics
from rlctl.physics.precision import rounded, source


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


def test_a_residual_is_what_rounding_left_out():
    values = np.array([1000.0 + 1e-6, -0.1, 3.0])
    seen, rest = rounded("qpos", values), rounded("qpos_residual", values)
    assert seen.dtype == rest.dtype == np.float32
    np.testing.assert_array_equal(seen, np.float32(values))
    np.testing.assert_allclose(np.float64(seen) + rest, values, rtol=1e-14)
    assert rest[0] > 9e-7
    assert rest[2] == 0
    assert (source("qpos_residual"), source("qpos")) == ("qpos", "qpos")
