"""SAC's losses against hand-worked numbers, its replay buffer, and a problem of known answer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rlctl.engines.ppo.networks import Networks
from rlctl.engines.sac import losses
from rlctl.engines.sac.config import SACConfig
from rlctl.engines.sac.replay import ReplayBuffer, unpack
from rlctl.engines.sac.update import Update
from rlctl.policies.mlp.spec import MLPSpec
from rlctl.rollouts.base import Unroll

Q = jnp.float32([[1.0, 5.0], [2.0, 3.0]])
LOG_PROB = jnp.float32([-1.0, 2.0])
SPEC = MLPSpec(
    observation_size=2,
    policy_size=2,
    action_low=(-1.0,),
    action_high=(1.0,),
    policy_hidden_layer_sizes=(32,),
    value_hidden_layer_sizes=(32,),
    activation="relu",
)


def test_targets_take_the_lower_critic_and_end_at_a_termination():
    reward, terminated = jnp.float32([1.0, 1.0]), jnp.float32([0.0, 1.0])
    target = losses.td_target(reward, terminated, Q, LOG_PROB, jnp.float32(0.5), 0.9)
    np.testing.assert_allclose(target, [1.0 + 0.9 * (1.0 + 0.5), 1.0], rtol=1e-6)


def test_losses_are_those_of_the_paper():
    assert losses.critic_loss(Q, jnp.float32([0.0, 3.0])) == 0.5 * ((1 + 4) / 2 + (4 + 0) / 2)
    assert losses.policy_loss(Q, LOG_PROB, jnp.float32(0.5)) == ((-0.5 - 1.0) + (1.0 - 3.0)) / 2
    # The policy's entropy is 0.5 nats too low: the temperature has to rise.
    loss, slope = jax.value_and_grad(losses.temperature_loss)(jnp.float32(0.0), LOG_PROB, 0.0)
    assert (loss, slope) == (-0.5, -0.5)
    assert losses.follow(jnp.float32(1.0), jnp.float32(3.0), 0.25) == 1.5


def unroll_of(first):
    """Return 2 steps of 2 environments; the first one is truncated in its first step."""
    column = np.arange(4, dtype=np.float32).reshape(2, 2) + first
    zeros, cut = np.zeros((2, 2), np.float32), np.float32([[1, 0], [0, 0]])
    final = np.float32([[[-7, -7], [0, 0]], [[0, 0], [0, 0]]])
    observation = np.stack([column, column], -1)
    return Unroll(
        observation, column[..., None], column, zeros, cut, final, np.float32([[8, 8], [9, 9]])
    )


def test_the_buffer_is_a_ring_whose_next_observation_is_the_final_one_of_a_truncation():
    buffer = ReplayBuffer(6, 2, 1)
    buffer.add(unroll_of(0.0), 0)
    found = unpack(jnp.asarray(buffer.arrays()["rows"]), SPEC)
    np.testing.assert_array_equal(found.next_observation[:, 0], [-7, 3, 8, 9])
    np.testing.assert_array_equal(found.action[:, 0], [0, 1, 2, 3])
    for _ in range(2):  # the second time, as after an abandoned update, changes nothing
        buffer.add(unroll_of(10.0), 4)
        rows = buffer.arrays()["rows"]
        np.testing.assert_array_equal(rows[:, 3], [12, 13, 2, 3, 10, 11])
    other = ReplayBuffer(6, 2, 1)
    other.restore({"rows": rows})
    samples = [b.sample(np.random.default_rng(0), 3, 4) for b in (buffer, other)]
    assert samples[0].shape == (3, 4, 7)
    np.testing.assert_array_equal(*samples)


def test_the_action_that_pays_is_taken_and_critics_know_its_reward():
    config = SACConfig(learning_rate=1e-2, tau=0.1, init_temperature=1e-2)
    update = Update(Networks(SPEC), config)
    state = update.initial_state(jax.random.PRNGKey(0), (1.0, 1.0))
    rng = np.random.default_rng(0)
    rows = rng.uniform(-1, 1, (1000, 64, 7)).astype(np.float32)
    rows[..., 3] = -np.square(rows[..., 2] - 0.5)  # reward of the action; every step is the last
    rows[..., 4] = 1.0
    state, found = update.run(state, rows)
    x, action = jnp.zeros((1, 2)), jnp.full((1, 1), -0.5)
    mean, _ = Networks(SPEC).distribution(state.policy.policy, x)
    assert float(jnp.tanh(mean[0, 0])) == pytest.approx(0.5, abs=0.15)
    np.testing.assert_allclose(update._q(state.critics, x, action), [[-1.0]] * 2, atol=0.15)
    assert all(np.isfinite(value) for value in found.values())
