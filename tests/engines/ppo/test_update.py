"""Tests of the optimizers."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rlctl.engines.ppo.config import PPOConfig
from rlctl.engines.ppo.update import make_optimizer


def test_muon_turns_all_directions_alike(rng):
    """Check that a matrix moves by an orthogonal one, whatever its gradient; a bias as by Nadam."""
    rate = 0.01
    params = {"kernel": jnp.zeros((16, 16)), "bias": jnp.zeros(16)}
    left, right = (np.linalg.qr(rng.normal(size=(16, 16)))[0] for _ in range(2))
    uneven = left @ np.diag(np.logspace(0, -1, 16)) @ right
    gradient = {"kernel": jnp.asarray(uneven, jnp.float32), "bias": jnp.full(16, 0.3)}
    muon = make_optimizer(PPOConfig(optimizer="muon", learning_rate=rate), 100)
    (changes, _), (nadam, _) = (
        optimizer.update(gradient, optimizer.init(params), params)
        for optimizer in (muon, optax.nadam(rate))
    )
    np.testing.assert_allclose(changes["bias"], nadam["bias"], rtol=1e-5)
    stretch = np.linalg.svd(changes["kernel"], compute_uv=False)
    assert stretch.max() < 3 * stretch.min(), "the gradient's were 10 to 1"
    size = np.sqrt(np.mean(np.square(changes["kernel"])))
    assert 0.1 * rate < size < 0.3 * rate, "a fifth of Adam's first step"


@pytest.mark.parametrize("name", ["adam", "muon"])
def test_a_linear_schedule_ends_standing_still(rng, name):
    """Check that constant gradients give ever smaller steps, and none after the last."""
    config = PPOConfig(optimizer=name, learning_rate=0.01, learning_rate_schedule="linear")
    optimizer = make_optimizer(config, 4)
    params = {"kernel": jnp.zeros((8, 8))}
    gradient = {"kernel": jnp.asarray(rng.normal(size=(8, 8)), jnp.float32)}
    state, sizes = optimizer.init(params), []
    for _ in range(5):
        changes, state = optimizer.update(gradient, state, params)
        sizes.append(float(jnp.linalg.norm(changes["kernel"])))
    np.testing.assert_allclose(np.array(sizes) / sizes[0], [1, 0.75, 0.5, 0.25, 0], atol=1e-3)
