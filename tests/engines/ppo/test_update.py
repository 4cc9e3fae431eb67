"""What an update learns from."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rlctl.core.specs import Mirror, PolicySpec
from rlctl.engines.ppo import networks
from rlctl.engines.ppo.config import PPOConfig
from rlctl.engines.ppo.losses import ppo_loss
from rlctl.engines.ppo.update import make_optimizer, with_image
from rlctl.rollouts.base import Unroll

MIRROR = Mirror((0, 2, 1), (-1, 1, 1), (1, 0), (-1, -1))
SPEC = PolicySpec(3, 3, (-1.0,) * 2, (1.0,) * 2, (8,), (8,))


def unroll(rng, steps=5, envs=4):
    draw = lambda *shape: jnp.asarray(rng.normal(size=shape), jnp.float32)  # noqa: E731
    flags = jnp.zeros((steps, envs)).at[2, 1].set(1.0)
    return Unroll(
        draw(steps, envs, 3),
        draw(steps, envs, 2),
        draw(steps, envs),
        draw(steps, envs),
        flags,
        jnp.zeros((steps, envs)),
        jnp.zeros((steps, envs)),
        draw(envs, 3),
    )


def test_the_image_stands_beside_the_original(rng):
    original = unroll(rng)
    both = with_image(original, MIRROR)
    for name, array in original._asdict().items():
        side = 0 if name == "last_observation" else 1
        first, second = np.split(np.asarray(getattr(both, name)), 2, axis=side)
        np.testing.assert_array_equal(first, array)
        if "observation" in name:
            np.testing.assert_array_equal(
                second, np.stack([-array[..., 0], array[..., 2], array[..., 1]], axis=-1)
            )
        elif name == "raw_action":
            np.testing.assert_array_equal(second, -array[..., ::-1])
        else:
            np.testing.assert_array_equal(second, array)


def test_what_cannot_tell_the_sides_apart_learns_nothing_new(rng):
    """Networks of zeros act and value alike everywhere: images change neither loss nor value."""
    params = jax.tree.map(jnp.zeros_like, networks.init(jax.random.PRNGKey(0), SPEC).params)
    config = PPOConfig(entropy_cost=0.0)
    functions, key = networks.Networks(SPEC), jax.random.PRNGKey(1)
    step = jax.jit(jax.value_and_grad(lambda p, u: ppo_loss(p, u, key, functions, config)[0]))
    alone = unroll(rng)
    loss, gradient = step(params, alone)
    both_loss, both_gradient = step(params, with_image(alone, MIRROR))
    np.testing.assert_allclose(both_loss, loss, rtol=1e-5)
    found, expected = (jax.tree.leaves(g["value"]) for g in (both_gradient, gradient))
    assert any(np.abs(array).max() > 0.01 for array in expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_muon_turns_all_directions_alike(rng):
    """A matrix moves by an orthogonal one however uneven its gradient; a bias as by Nadam."""
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
    """Steady gradients move a little less with every step, and not at all after the last."""
    config = PPOConfig(optimizer=name, learning_rate=0.01, learning_rate_schedule="linear")
    optimizer = make_optimizer(config, 4)
    params = {"kernel": jnp.zeros((8, 8))}
    gradient = {"kernel": jnp.asarray(rng.normal(size=(8, 8)), jnp.float32)}
    state, sizes = optimizer.init(params), []
    for _ in range(5):
        changes, state = optimizer.update(gradient, state, params)
        sizes.append(float(jnp.linalg.norm(changes["kernel"])))
    np.testing.assert_allclose(np.array(sizes) / sizes[0], [1, 0.75, 0.5, 0.25, 0], atol=1e-3)
