"""Tests of equivariant networks against plain networks on reflected data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rlctl.core.errors import UsageError
from rlctl.core.specs import Symmetry
from rlctl.engines.ppo import networks, symmetry
from rlctl.engines.ppo.config import PPOConfig
from rlctl.engines.ppo.losses import ppo_loss
from rlctl.policies import normalizer
from rlctl.policies.mlp.spec import MLPSpec
from rlctl.rollouts.base import Unroll
from rlctl.rollouts.unrolls import concat_unrolls

# One number that changes sign, two that change places, one that stays; the last two privileged.
REFLECTION = Symmetry((0, 2, 1, 3, 5, 4), (-1, 1, 1, 1, -1, -1), (1, 0, 2), (-1, -1, -1))
SPEC = MLPSpec(6, 4, (-1.0,) * 3, (1.0,) * 3, (8, 6), (8, 4))
PLAIN, EQUIVARIANT = networks.Networks(SPEC), networks.EquivariantNetworks(SPEC, REFLECTION)
ORDER, SIGN = (
    np.array(REFLECTION.observation_order),
    np.array(REFLECTION.observation_sign, np.float32),
)
ACTIONS, ACTION_SIGN = (
    np.array(REFLECTION.action_order),
    np.array(REFLECTION.action_sign, np.float32),
)


@pytest.fixture
def learned():
    params = networks.init(jax.random.PRNGKey(3), SPEC).params
    noisy = jax.tree.map(lambda x: x + 0.1 * jnp.sin(jnp.arange(x.size)).reshape(x.shape), params)
    return EQUIVARIANT.from_initial(noisy)


@pytest.fixture
def statistics(rng):
    observed = jnp.asarray(rng.normal(1.0, 3.0, size=(50, 6)), jnp.float32)
    return EQUIVARIANT.update_normalizer(normalizer.init(np.ones(6, np.float32)), observed)


def unroll(rng, steps=5, envs=4):
    draw = lambda *shape: jnp.asarray(rng.normal(size=shape), jnp.float32)  # noqa: E731
    flags = jnp.zeros((steps, envs)).at[2, 1].set(1.0)
    nothing = jnp.zeros((steps, envs))
    return Unroll(
        draw(steps, envs, 6),
        networks.ActionSample(draw(steps, envs, 3), draw(steps, envs)),
        draw(steps, envs),
        flags,
        nothing,
        nothing,
        draw(envs, 6),
    )


def with_image(unroll):
    """Concatenate an unroll of B environments and its image: 2 B."""
    image = unroll._replace(
        observation=unroll.observation[..., ORDER] * SIGN,
        last_observation=unroll.last_observation[..., ORDER] * SIGN,
        extras=unroll.extras._replace(
            raw_action=unroll.extras.raw_action[..., ACTIONS] * ACTION_SIGN
        ),
    )
    return concat_unrolls([unroll, image])


def preprocessed(nets, statistics, unroll):
    return unroll._replace(
        observation=nets.preprocess(statistics, unroll.observation),
        last_observation=nets.preprocess(statistics, unroll.last_observation),
    )


def test_a_basis_is_orthonormal_and_of_even_and_odd_vectors():
    both = symmetry.basis(REFLECTION.observation_order, REFLECTION.observation_sign)
    assert both.even.shape == (6, 3)
    np.testing.assert_allclose(both.even[ORDER] * SIGN[:, None], both.even)
    np.testing.assert_allclose(both.odd[ORDER] * SIGN[:, None], -both.odd)
    columns = np.concatenate(both, axis=1)
    np.testing.assert_allclose(columns.T @ columns, np.eye(6), atol=1e-6)


def test_what_is_learned_and_its_plain_form_do_the_same(learned, statistics, rng):
    plain = EQUIVARIANT.to_plain(learned)
    raw = jnp.asarray(rng.normal(size=(7, 6)), jnp.float32)
    for of, part in ((PLAIN.logits, "policy"), (PLAIN.value, "value")):
        expected = of(plain[part], PLAIN.preprocess(statistics, raw))
        found = getattr(EQUIVARIANT, of.__name__)(
            learned[part], EQUIVARIANT.preprocess(statistics, raw)
        )
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        assert np.std(expected) > 0.01


def test_mirrored_observations_give_mirrored_actions_and_the_same_value(learned, statistics, rng):
    plain = EQUIVARIANT.to_plain(learned)
    raw = jnp.asarray(rng.normal(size=(7, 6)), jnp.float32)
    here, there = (PLAIN.preprocess(statistics, x) for x in (raw, raw[:, ORDER] * SIGN))
    mean, scale = PLAIN.distribution(plain["policy"], here)
    image_mean, image_scale = PLAIN.distribution(plain["policy"], there)
    np.testing.assert_allclose(image_mean, mean[:, ACTIONS] * ACTION_SIGN, atol=1e-5)
    np.testing.assert_allclose(image_scale, scale[:, ACTIONS], atol=1e-5)
    values = PLAIN.value(plain["value"], here), PLAIN.value(plain["value"], there)
    np.testing.assert_allclose(*values, atol=1e-5)


def test_a_step_teaches_what_it_and_its_image_teach_together(learned, statistics, rng):
    """Compare with the gradient of the plain networks over both, in the blocks' coordinates."""
    config, key = PPOConfig(entropy_cost=0.0, normalize_advantage=False), jax.random.PRNGKey(1)
    alone = unroll(rng)
    step = jax.jit(jax.value_and_grad(ppo_loss, has_aux=True), static_argnums=(3, 4))
    (_, losses), gradient = step(
        learned, preprocessed(EQUIVARIANT, statistics, alone), key, EQUIVARIANT, config
    )
    both = preprocessed(PLAIN, statistics, with_image(alone))
    (_, both_losses), plain_gradient = step(EQUIVARIANT.to_plain(learned), both, key, PLAIN, config)
    for name in ("policy_loss", "v_loss", "kl_mean"):
        np.testing.assert_allclose(losses[name], both_losses[name], rtol=1e-4)
    _, through = jax.vjp(EQUIVARIANT.to_plain, learned)
    (expected,) = through(plain_gradient)
    for found, wanted in zip(jax.tree.leaves(gradient), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=1e-5)


def test_statistics_are_of_observations_and_their_images(rng):
    batches = [jnp.asarray(rng.normal(2.0, 3.0, size=(20, 6)), jnp.float32) for _ in range(2)]
    fresh = normalizer.init(np.ones(6, np.float32))
    found, expected = fresh, fresh
    for batch in batches:
        found = EQUIVARIANT.update_normalizer(found, batch)
        expected = normalizer.update(expected, jnp.concatenate([batch, batch[:, ORDER] * SIGN]))
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.std, expected.std, rtol=1e-4)


def test_fresh_networks_are_as_wide_as_plain_ones():
    spec = MLPSpec(6, 4, (-1.0,) * 3, (1.0,) * 3, (256, 256), (256,))
    params = networks.init(jax.random.PRNGKey(0), spec).params
    nets = networks.EquivariantNetworks(spec, REFLECTION)
    joined = nets.to_plain(nets.from_initial(params))
    kernel = lambda params: params["policy"]["hidden_1"]["kernel"]  # noqa: E731
    np.testing.assert_allclose(jnp.std(kernel(joined)), jnp.std(kernel(params)), rtol=0.02)


def test_a_policy_with_a_side_cannot_be_gone_on_with(learned):
    joined = EQUIVARIANT.to_plain(learned)
    again = EQUIVARIANT.from_trained(joined)
    for found, wanted in zip(jax.tree.leaves(again), jax.tree.leaves(learned), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)
    with pytest.raises(UsageError, match="left and right"):
        EQUIVARIANT.from_trained(networks.init(jax.random.PRNGKey(0), SPEC).params)
