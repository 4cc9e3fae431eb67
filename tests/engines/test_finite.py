"""Tests of divergence errors: they name the cause and its size."""

from types import SimpleNamespace

import numpy as np
import pytest

from rlctl.core.errors import Diverged
from rlctl.engines import finite
from rlctl.envs.pendulum.env import Pendulum

HINT = "lower the learning rate"


def raised(observation=1.0, reward=1.0):
    observations = np.ones((5, 4, Pendulum.spec.observation_size), np.float32)
    observations[2, 1, 1] = observation
    data = SimpleNamespace(observation=observations, reward=np.full((5, 4), reward, np.float32))
    with pytest.raises(Diverged) as caught:
        finite.check_finite(["v_loss"], HINT, data, Pendulum.spec, 100)
    return caught.value


def test_nothing_is_said_of_what_is_finite():
    finite.check_finite([], HINT, SimpleNamespace(), Pendulum.spec, 100)


@pytest.mark.parametrize(
    ("sizes", "expected", "hint"),
    [
        ({"observation": -3e20}, "observation is as large as 3e+20", "rescale or clip"),
        ({"reward": -1e25}, "a reward is as large as 1e+25", "reward_scaling"),
        ({"observation": 1e13, "reward": 1e25}, "observation is as large as 1e+13", "rescale"),
        ({}, "not finite in the update after step 100", HINT),
    ],
)
def test_what_is_too_large_is_named(sizes, expected, hint):
    error = raised(**sizes)
    assert expected in error.message
    assert hint in error.hint
    assert (HINT in error.hint) == (not sizes)
