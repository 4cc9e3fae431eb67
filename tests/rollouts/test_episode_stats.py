"""Sums over finished episodes, in groups and all together."""

from functools import reduce
from operator import add

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rlctl.rollouts import episode_stats
from rlctl.rollouts.base import Episodes


def group(returns):
    spread = len(returns) * returns.var() if len(returns) else 0.0
    return Episodes(len(returns), returns.sum(), 1.0, {"term": 2.0}, spread, nonfinite=3)


def test_sums_of_groups_add_up():
    returns = np.random.default_rng(0).normal(1000.0, 2.0, 12)
    parts = [returns[:1], returns[1:1], returns[1:8], returns[8:]]
    joint = reduce(add, map(group, parts))
    assert joint.count == 12
    assert joint.returns == pytest.approx(returns.sum())
    assert joint.spread == pytest.approx(12 * returns.var())
    assert (joint.lengths, joint.terms, joint.nonfinite) == (4.0, {"term": 8.0}, 12)


def test_the_spread_over_steps_is_that_of_the_episodes():
    rewards = jnp.array([[3.0, 5.0, 1.0], [1.0, -1.0, 2.0], [2.0, 2.0, 8.0]])
    ends = jnp.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    stats, total = episode_stats.initial_stats(3, ()), episode_stats.zero_sums(())
    step_episodes = jax.jit(episode_stats.step_episodes, static_argnums=5)
    for reward, terminated in zip(rewards, ends, strict=True):
        stats, _, ended = step_episodes(stats, reward, terminated, {}, jnp.zeros(3, jnp.int32), 100)
        total = episode_stats.add_sums(total, ended)
    returns = np.array([5.0, 3.0 + 1.0, -1.0 + 2.0, 1.0 + 2.0 + 8.0])
    found = episode_stats.to_episodes(total, 0, 0)
    assert (found.count, found.returns) == (4, returns.sum())
    assert found.spread == pytest.approx(4 * returns.var())
