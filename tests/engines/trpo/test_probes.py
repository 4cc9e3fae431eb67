"""TRPO learns problems whose answers are known."""

import numpy as np
import numpy_problems as problems
import pytest

from rlctl.policies.base import policy_of
from rlctl.policies.mlp import torch_net
from rlctl.policies.normalizer import normalize

GAMMA = 0.9
SETTINGS = (
    f"trpo.discounting={GAMMA}",
    "trpo.steps_per_update=512",
    "trpo.value_learning_rate=5e-3",
    "trpo.value_minibatch=64",
    "trpo.value_epochs=5",
    "trpo.policy_hidden_layer_sizes=16",
    "trpo.value_hidden_layer_sizes=16",
)


@pytest.fixture
def learn(trained):
    """Train on a problem; return value(observation) and mean action(observation)."""

    def run(problem, updates=25, *extra):
        import torch

        checkpoint = trained(problem, *SETTINGS, f"train.steps={updates * 512}", *extra)
        arrays = checkpoint.groups["policy"]
        params = {
            name.removeprefix("value/"): torch.from_numpy(array.copy())
            for name, array in arrays.items()
            if name.startswith("value/")
        }

        def value(*observation):
            x = np.asarray([observation], np.float32)
            x = normalize(arrays["normalizer/mean"], arrays["normalizer/std"], x, 10.0)
            return torch_net.mlp(params, torch.from_numpy(x), "tanh").item()

        def action(*observation):
            return policy_of(checkpoint).act(np.asarray(observation)).item()

        return value, action

    return run


def test_constant_reward_is_the_value(learn):
    value, _ = learn(problems.CONSTANT)
    assert value(1.0, 0.0) == pytest.approx(1.0, abs=0.05)


def test_value_depends_on_the_observation(learn):
    value, _ = learn(problems.OBSERVED)
    assert value(1.0, 0.0) == pytest.approx(1.0, abs=0.05)
    assert value(-1.0, 0.0) == pytest.approx(-1.0, abs=0.05)


def test_a_later_reward_is_discounted(learn):
    value, _ = learn(problems.DELAYED)
    assert value(1.0, 0.0) == pytest.approx(GAMMA, abs=0.05)
    assert value(1.0, 1.0) == pytest.approx(1.0, abs=0.05)


def test_the_action_that_pays_is_taken(learn):
    _, action = learn(problems.ACTED)
    assert action(1.0, 0.0) == pytest.approx(0.5, abs=0.15)


def test_the_action_follows_the_observation(learn):
    _, action = learn(problems.BOTH)
    assert action(1.0, 0.0) == pytest.approx(1.0, abs=0.2)
    assert action(-1.0, 0.0) == pytest.approx(-1.0, abs=0.2)


def test_an_action_without_bounds_goes_where_it_pays(learn):
    _, action = learn(problems.UNBOUNDED, 60)
    assert action(1.0, 0.0) == pytest.approx(3.0, abs=0.3)
    assert action(-1.0, 0.0) == pytest.approx(-3.0, abs=0.3)


def test_the_choice_that_pays_is_taken(learn):
    _, action = learn(problems.CHOSEN)
    assert action(1.0, 0.0) == 5.0
    assert action(-1.0, 0.0) == 3.0


@pytest.mark.parametrize("limit", [3, 8])
def test_a_time_limit_does_not_lower_the_value(learn, limit):
    value, _ = learn(problems.ENDLESS, 60, f"train.episode_length={limit}")
    values = [value(1.0, 0.0), value(-1.0, 0.0)]
    np.testing.assert_allclose(values, 1 / (1 - GAMMA), rtol=0.1)
