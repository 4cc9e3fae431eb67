"""Equality with Gymnasium's InvertedPendulum-v5, step by step."""

import gymnasium
import jax
import numpy as np
import pytest
from envs.stepping import Single

from rlctl.envs.gymnasium_tasks.config import InvertedPendulumConfig
from rlctl.envs.gymnasium_tasks.inverted_pendulum import InvertedPendulum
from rlctl.physics.base import Physics

KEY = jax.random.key(0)


@pytest.fixture
def peer():
    env = gymnasium.make("InvertedPendulum-v5")
    yield env
    env.close()


def test_spec_is_gymnasiums(peer):
    spec = InvertedPendulum.spec
    assert spec.episode_length == peer.spec.max_episode_steps
    assert spec.control_dt == pytest.approx(peer.unwrapped.dt)
    assert spec.substeps == peer.unwrapped.frame_skip
    assert [(part.low, part.high) for part in spec.action] == [
        (peer.action_space.low[0], peer.action_space.high[0])
    ]


def test_steps_equal_gymnasium(peer, rng):
    single = Single(InvertedPendulum())
    episodes = 0
    expected, _ = peer.reset(seed=0)
    observation = single.reset(KEY, (expected[:2], expected[2:]))
    np.testing.assert_array_equal(observation, np.float32(expected))
    for step in range(1000):
        # Alternately balance and push anyhow: episodes of many lengths, with all kinds of ends.
        balance = 4 * observation[1:2] + observation[3:4]
        action = balance if step // 40 % 2 else rng.uniform(-4, 4, 1)
        action = np.clip(action, -3, 3).astype(np.float32)
        expected, reward, terminated, _, _ = peer.step(action)
        observation, *ours, metrics = single.step(action)
        np.testing.assert_array_equal(single.data.qpos, peer.unwrapped.data.qpos)
        np.testing.assert_array_equal(observation, np.float32(expected))
        assert ours == [reward, terminated]
        assert metrics["survive"] == reward
        if terminated:
            episodes += 1
            expected, _ = peer.reset()
            single.reset(KEY, (expected[:2], expected[2:]))
    assert episodes > 10


def test_first_states_are_gymnasiums_noise():
    positions, velocities, _ = jax.vmap(InvertedPendulum().initial)(jax.random.split(KEY, 2000))
    for part in (positions, velocities):
        assert part.shape == (2000, 2)
        assert 0.0099 < float(abs(part).max()) <= 0.01
        assert abs(float(part.mean())) < 3e-4
    still = InvertedPendulum(InvertedPendulumConfig(reset_noise=0.0))
    assert not np.any(still.initial(KEY)[:2])


def test_non_finite_state_terminates_without_reward():
    env = InvertedPendulum()
    physics = Physics({"qpos": np.float32([np.nan, 0.0]), "qvel": np.zeros(2, np.float32)})
    _, _, reward, terminated, _ = env.after((), physics, np.zeros(1, np.float32), KEY)
    assert (float(reward), float(terminated)) == (0, 1)
