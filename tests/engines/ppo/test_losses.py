"""Tests of GAE with truncation, which Brax does not cover, against values computed by hand."""

import jax.numpy as jnp
import numpy as np

from rlctl.engines.ppo.losses import gae

GAMMA, LAMBDA = 0.9, 0.5


def column(*values):
    return jnp.asarray(values, jnp.float32)[:, None]


def test_gae_worked_by_hand_over_a_truncation_and_a_termination():
    # Three steps: s0 -> s1, cut by the time limit at s1' (worth 10); s2 -> fallen; s3 -> s4.
    reward, value = column(1.0, 2.0, 3.0), column(4.0, 5.0, 6.0)
    truncated, terminated = column(1.0, 0.0, 0.0), column(0.0, 1.0, 0.0)
    final_value = column(10.0, 0.0, 0.0)
    vs, advantage = gae(
        reward, terminated, truncated, value, jnp.asarray([7.0]), final_value, GAMMA, LAMBDA
    )
    #  t=2: delta = 3 + .9*7 - 6 = 3.3                            vs = 9.3,  A = 3 + .9*7 - 6 = 3.3
    #  t=1: delta = 2 - 5 = -3, nothing follows a termination      vs = 2,    A = 2 - 5 = -3
    #  t=0: delta = 1 + .9*10 - 4 = 6, nothing follows a cut       vs = 10,   A = 1 + .9*10 - 4 = 6
    np.testing.assert_allclose(vs[:, 0], [10.0, 2.0, 9.3], rtol=1e-6)
    np.testing.assert_allclose(advantage[:, 0], [6.0, -3.0, 3.3], rtol=1e-6)


def test_lambda_mixes_the_steps_that_follow():
    reward, value = column(1.0, 1.0), column(0.0, 0.0)
    zero = column(0.0, 0.0)
    vs, advantage = gae(reward, zero, zero, value, jnp.asarray([10.0]), zero, GAMMA, LAMBDA)
    # t=1: delta = 1 + 9 = 10; t=0: delta = 1, vs = 1 + .45 * 10 = 5.5, A = 1 + .9 * 10 = 10
    np.testing.assert_allclose(vs[:, 0], [5.5, 10.0], rtol=1e-6)
    np.testing.assert_allclose(advantage[:, 0], [10.0, 10.0], rtol=1e-6)
