"""Exploration noise: its distribution, its correlation, and its independence of batches."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rlctl.rollouts import noise
from rlctl.rollouts.keys import environment_keys

ENVS = 4000
STEPS = 10  # of correlated noise


def sampled(steps, times, envs=ENVS, size=1):
    """Sample noise (T, N, A) of several steps."""
    keys = environment_keys(0, jnp.arange(envs, dtype=jnp.uint32))
    sample = jax.jit(partial(noise.normal, size=size, correlated_steps=steps))
    return np.stack([sample(keys, jnp.uint32(t)) for t in times])


@pytest.mark.parametrize("steps", [0, 1, STEPS])
def test_every_sample_is_standard_normal(steps):
    found = sampled(steps, [0, 7, 100], size=2)
    assert np.abs(found.mean((1, 2))).max() < 5 / np.sqrt(2 * ENVS)
    assert np.abs(found.var((1, 2)) - 1).max() < 5 * np.sqrt(2 / (2 * ENVS))
    assert np.abs((found[..., 0] * found[..., 1]).mean(1)).max() < 5 / np.sqrt(ENVS)


def test_independent_samples_are_uncorrelated():
    now, following = sampled(0, [5, 6])
    assert abs((now * following).mean()) < 5 / np.sqrt(ENVS)


@pytest.mark.parametrize("lag", [1, 3, 5, 10, 20])
def test_correlation_falls_with_the_lag(lag):
    """Average the correlation of steps s = lag / n apart over the offset u in [0, 1).

    Both in one block (u < 1 - s): cos(s pi / 2). In neighbouring ones: the later block's first
    number is the earlier one's second: sin(u pi / 2) cos((u + s - 1) pi / 2).
    """
    s, u = lag / STEPS, np.arange(STEPS) / STEPS
    quarter = np.pi / 2
    alike = np.cos(s * quarter)
    shared = np.sin(u * quarter) * np.cos((u + s - 1) * quarter)
    expected = np.where(u + s < 1, alike, np.where(u + s < 2, shared, 0.0)).mean()
    now, later = sampled(STEPS, [3, 3 + lag])
    assert (now * later).mean() == pytest.approx(expected, abs=5 / np.sqrt(ENVS))


def test_noise_does_not_depend_on_the_batch():
    both = sampled(STEPS, [17], envs=8)[0]
    np.testing.assert_array_equal(sampled(STEPS, [17], envs=3)[0], both[:3])


def test_environments_change_direction_at_different_steps():
    """Otherwise all environments would change direction in the same step."""
    found = sampled(STEPS, range(30), envs=50)[..., 0]
    kinks = np.abs(np.diff(found, 2, axis=0))  # large where a block ends
    assert len(np.unique(kinks.argmax(0) % STEPS)) > STEPS / 2
