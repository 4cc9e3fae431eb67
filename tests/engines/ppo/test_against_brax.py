"""Tests of PPO's mathematics against Brax's own functions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rlctl.engines.ppo import networks
from rlctl.engines.ppo.config import PPOConfig
from rlctl.engines.ppo.losses import gae, ppo_loss
from rlctl.policies.mlp import tanh_normal
from rlctl.policies.mlp.spec import MLPSpec
from rlctl.policies.normalizer import Normalizer, normalize, update
from rlctl.rollouts.base import Unroll

pytestmark = pytest.mark.foreign

T, B, O, A = 7, 5, 4, 2
CONFIG = PPOConfig(
    policy_hidden_layer_sizes=(8, 8),
    value_hidden_layer_sizes=(16,),
    discounting=0.97,
    reward_scaling=0.5,
    entropy_cost=0.0,  # both estimate the entropy with noise; it is compared by itself
)
SPEC = MLPSpec(O, O, (-1.0,) * A, (1.0,) * A, (8, 8), (16,))


@pytest.fixture(scope="module")
def brax():
    """Return Brax's functions under short names."""
    from brax.training import distribution
    from brax.training.acme import running_statistics
    from brax.training.agents.ppo import losses as ppo_losses
    from brax.training.agents.ppo import networks as ppo_networks
    from brax.training.types import Transition

    class Brax:
        compute_gae = staticmethod(ppo_losses.compute_gae)
        compute_ppo_loss = staticmethod(ppo_losses.compute_ppo_loss)
        PPONetworkParams = ppo_losses.PPONetworkParams
        make_ppo_networks = staticmethod(ppo_networks.make_ppo_networks)
        NormalTanhDistribution = distribution.NormalTanhDistribution
        statistics = running_statistics

    Brax.Transition = Transition
    return Brax


@pytest.fixture(scope="module")
def unroll():
    """Return random steps with some terminations and no truncation."""
    rng = np.random.default_rng(0)

    def normal(*shape):
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    return Unroll(
        observation=normal(T, B, O),
        extras=networks.ActionSample(normal(T, B, A), normal(T, B) - 2.0),
        reward=normal(T, B),
        terminated=jnp.asarray(rng.random((T, B)) < 0.2, jnp.float32),
        truncated=jnp.zeros((T, B), jnp.float32),
        final=jnp.zeros((T, B), jnp.float32),
        last_observation=normal(B, O),
    )


@pytest.fixture(scope="module")
def state():
    """Return a policy whose normaliser has data."""
    fresh = networks.init(jax.random.PRNGKey(3), SPEC)
    seen = jax.random.normal(jax.random.PRNGKey(4), (100, O)) * 2.0 + 1.0
    return fresh._replace(normalizer=update(fresh.normalizer, seen))


def test_gae_equals_brax_where_nothing_is_truncated(brax, unroll, rng):
    value = jnp.asarray(rng.normal(size=(T, B)), jnp.float32)
    last_value = jnp.asarray(rng.normal(size=B), jnp.float32)
    ours = gae(
        unroll.reward,
        unroll.terminated,
        unroll.truncated,
        value,
        last_value,
        unroll.final,
        discount=0.97,
        lambda_=0.9,
    )
    theirs = brax.compute_gae(
        truncation=unroll.truncated,
        termination=unroll.terminated,
        rewards=unroll.reward,
        values=value,
        bootstrap_value=last_value,
        lambda_=0.9,
        discount=0.97,
    )
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("normalize_advantage", [True, False])
def test_loss_and_its_gradient_equal_brax(brax, unroll, state, normalize_advantage):
    config = dataclass_replace(CONFIG, normalize_advantage=normalize_advantage)
    nets = networks.Networks(SPEC)

    def ours(params):
        normal = unroll._replace(
            observation=nets.preprocess(state.normalizer, unroll.observation),
            last_observation=nets.preprocess(state.normalizer, unroll.last_observation),
        )
        return ppo_loss(params, normal, jax.random.PRNGKey(0), nets, config)

    theirs_nets = brax.make_ppo_networks(
        O,
        A,
        preprocess_observations_fn=brax.statistics.normalize,
        policy_hidden_layer_sizes=(8, 8),
        value_hidden_layer_sizes=(16,),
    )
    statistics = brax.statistics.NestedMeanStd(state.normalizer.mean, state.normalizer.std)
    following = jnp.concatenate([unroll.observation[1:], unroll.last_observation[None]])
    data = brax.Transition(
        observation=unroll.observation,
        action=jnp.tanh(unroll.extras.raw_action),
        reward=unroll.reward,
        discount=1 - unroll.terminated,
        next_observation=following,
        extras={
            "state_extras": {"truncation": unroll.truncated},
            "policy_extras": {
                "raw_action": unroll.extras.raw_action,
                "log_prob": unroll.extras.log_prob,
                "distribution_params": jnp.zeros((T, B, 2 * A)),
            },
        },
    )
    data = jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), data)

    def theirs(params):
        return brax.compute_ppo_loss(
            brax.PPONetworkParams({"params": params["policy"]}, {"params": params["value"]}),
            statistics,
            data,
            jax.random.PRNGKey(0),
            theirs_nets,
            entropy_cost=0.0,
            discounting=0.97,
            reward_scaling=0.5,
            gae_lambda=0.95,
            clipping_epsilon=0.3,
            normalize_advantage=normalize_advantage,
        )

    (our_loss, our_parts), our_grad = jax.value_and_grad(ours, has_aux=True)(state.params)
    (their_loss, their_parts), their_grad = jax.value_and_grad(theirs, has_aux=True)(state.params)
    np.testing.assert_allclose(our_loss, their_loss, rtol=1e-5)
    for part in ("policy_loss", "v_loss"):
        np.testing.assert_allclose(our_parts[part], their_parts[part], rtol=1e-5)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), our_grad, their_grad
    )


def test_distribution_equals_brax(brax, rng):
    logits = jnp.asarray(rng.normal(size=(6, 2 * A)), jnp.float32)
    theirs = brax.NormalTanhDistribution(event_size=A)
    mean, scale = tanh_normal.mean_and_scale(logits, 0.001, 1.0)
    key = jax.random.PRNGKey(5)
    raw = theirs.sample_no_postprocessing(logits, key)
    np.testing.assert_allclose(mean + scale * jax.random.normal(key, mean.shape), raw, rtol=1e-6)
    np.testing.assert_allclose(
        tanh_normal.log_prob(mean, scale, raw), theirs.log_prob(logits, raw), rtol=1e-5, atol=1e-5
    )
    noise = jax.random.normal(key, mean.shape)
    np.testing.assert_allclose(
        tanh_normal.entropy(mean, scale, noise), theirs.entropy(logits, key), rtol=1e-5, atol=1e-5
    )


def test_running_statistics_equal_brax(brax, rng):
    theirs = brax.statistics.init_state(jnp.zeros(O))
    ours = Normalizer(jnp.float32(0), jnp.zeros(O), jnp.zeros(O), jnp.ones(O))
    for scale in (1.0, 30.0, 0.01):
        batch = jnp.asarray(rng.normal(size=(11, 3, O)) * scale + scale, jnp.float32)
        theirs, ours = brax.statistics.update(theirs, batch), update(ours, batch)
        np.testing.assert_allclose(ours.mean, theirs.mean, rtol=1e-6)
        np.testing.assert_allclose(ours.std, theirs.std, rtol=1e-6)
        np.testing.assert_allclose(ours.summed_variance, theirs.summed_variance, rtol=1e-6)
        assert float(ours.count) == float(theirs.count.lo)
    np.testing.assert_allclose(
        normalize(ours.mean, ours.std, batch, clip=2.0),
        brax.statistics.normalize(batch, theirs, max_abs_value=2.0),
        rtol=1e-6,
    )


def test_a_policy_acts_the_same_through_brax(brax, state, rng):
    from brax.training.agents.ppo.networks import make_inference_fn

    theirs = brax.make_ppo_networks(
        O,
        A,
        preprocess_observations_fn=brax.statistics.normalize,
        policy_hidden_layer_sizes=(8, 8),
        value_hidden_layer_sizes=(16,),
    )
    statistics = brax.statistics.NestedMeanStd(state.normalizer.mean, state.normalizer.std)
    observation = jnp.asarray(rng.normal(size=(9, O)), jnp.float32)
    params = (statistics, {"params": state.params["policy"]}, {"params": state.params["value"]})
    their_action, _ = make_inference_fn(theirs)(params, deterministic=True)(
        observation, jax.random.PRNGKey(0)
    )
    nets = networks.Networks(SPEC)
    mean, _ = nets.distribution(
        state.params["policy"], nets.preprocess(state.normalizer, observation)
    )
    np.testing.assert_allclose(jnp.tanh(mean), their_action, rtol=1e-5, atol=1e-6)


def dataclass_replace(config, **changes):
    import dataclasses

    return dataclasses.replace(config, **changes)
