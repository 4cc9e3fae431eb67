"""Tests of the network's custom gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rlctl.policies.mlp import jax_net


@pytest.mark.parametrize("activation", sorted(jax_net.ACTIVATIONS))
def test_gradients_are_those_that_jax_finds(activation, rng):
    params = jax_net.init(jax.random.PRNGKey(0), (5, 8, 3))
    x = jnp.asarray(rng.normal(size=(4, 2, 5)), jnp.float32)

    def formula(params, x):
        first, last = params["hidden_0"], params["hidden_1"]
        rows = x.reshape(8, 5)
        hidden = rows @ first["kernel"] + first["bias"][None]
        hidden = jax_net.ACTIVATIONS[activation](hidden)
        return jnp.sum((hidden @ last["kernel"] + last["bias"][None]) ** 2)

    def network(params, x):
        return jnp.sum(jax_net.mlp(params, x, activation) ** 2)

    with jax.numpy_rank_promotion("allow"):
        found = jax.jit(jax.value_and_grad(network, argnums=(0, 1)))(params, x)
    expected = jax.jit(jax.value_and_grad(formula, argnums=(0, 1)))(params, x)
    for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
