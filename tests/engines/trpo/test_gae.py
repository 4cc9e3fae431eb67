"""Tests of GAE against values computed by hand."""

import numpy as np
import pytest

from rlctl.engines.trpo.gae import gae

GAMMA, LAMBDA = 0.5, 0.5


def column(*values):
    return np.asarray(values, np.float32)[:, None]


def test_three_steps_by_hand():
    none = np.zeros((3, 1), bool)
    advantage, target = gae(
        column(1, 2, 3), none, none, column(4, 5, 6), column(5, 6, 7), GAMMA, LAMBDA
    )
    # deltas: 1 + 2.5 - 4, 2 + 3 - 5, 3 + 3.5 - 6; each adds a quarter of what follows
    np.testing.assert_allclose(advantage, column(-0.5 + 0.25 * 0.125, 0.125, 0.5))
    np.testing.assert_allclose(target, advantage + column(4, 5, 6))


def test_a_termination_has_no_future_and_a_truncation_the_value_of_its_last_observation():
    reward, value, following = column(1, 1, 1), column(0, 0, 0), column(8, 8, 8)
    end, not_end = column(0, 1, 0) > 0, np.zeros((3, 1), bool)
    terminated, _ = gae(reward, end, not_end, value, following, GAMMA, LAMBDA)
    truncated, _ = gae(reward, not_end, end, value, following, GAMMA, LAMBDA)
    np.testing.assert_allclose(terminated, column(5 + 0.25 * 1, 1, 5))
    np.testing.assert_allclose(truncated, column(5 + 0.25 * 5, 5, 5))


@pytest.mark.parametrize("lambda_", [0.0, 1.0])
def test_the_ends_of_lambda(lambda_, rng):
    reward, value, following = rng.normal(size=(3, 6, 2)).astype(np.float32)
    following[:-1] = value[1:]
    none = np.zeros((6, 2), bool)
    advantage, _ = gae(reward, none, none, value, following, 0.9, lambda_)
    if lambda_ == 0.0:
        expected = reward + 0.9 * following - value
    else:
        powers = 0.9 ** np.arange(6)
        rest = [powers[: 6 - t] @ reward[t:] + 0.9 ** (6 - t) * following[-1] for t in range(6)]
        expected = np.asarray(rest) - value
    np.testing.assert_allclose(advantage, expected, rtol=1e-5, atol=1e-5)
