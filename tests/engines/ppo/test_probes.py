"""PPO learns problems whose answers are known."""

import jax
import jax.numpy as jnp
import numpy as np
import probe_envs
import pytest
from probe_envs import probe  # noqa: F401

from rlctl.core.config import resolve, set_layer
from rlctl.core.runs import Run
from rlctl.engines.api import Hooks, TrainingJob
from rlctl.engines.config import TrainConfig
from rlctl.engines.ppo import networks
from rlctl.engines.ppo.config import PPOConfig
from rlctl.engines.ppo.train import ENGINE, PPOTrainer

GAMMA = 0.9


@pytest.fixture
def learn(probe, tmp_path):  # noqa: F811
    """Train on a probe; return value(observation) and mean action(observation)."""

    def run(kind, updates=80, *extra):
        settings = resolve(
            {"train": TrainConfig, "ppo": PPOConfig, "env": probe_envs.ProbeConfig},
            [
                set_layer(
                    [
                        "train.num_envs=64",
                        "train.num_evals=0",
                        f"train.steps={updates * 64 * 8}",
                        "ppo.unroll_length=8",
                        "ppo.num_minibatches=4",
                        "ppo.learning_rate=1e-3",
                        "ppo.num_updates_per_batch=2",
                        "ppo.policy_hidden_layer_sizes=16",
                        "ppo.value_hidden_layer_sizes=16",
                        f"ppo.discounting={GAMMA}",
                        "ppo.entropy_cost=1e-2",
                        *extra,
                    ]
                )
            ],
        )
        name = probe(kind)
        with Run.create(name, "ppo", 0) as folder:
            plan = ENGINE.plan(settings, name)
            job = TrainingJob(env=name, settings=settings, plan=plan, run=folder)
            training = PPOTrainer(job, Hooks())
            training.learn(lambda task, *args: task(*args))
            training.close()
        policy = training.state.learner.policy
        nets = networks.Networks(training.spec)

        def value(*observation):
            x = nets.preprocess(policy.normalizer, jnp.asarray(observation, jnp.float32))
            return float(nets.value(policy.params["value"], x))

        def action(*observation):
            x = nets.preprocess(policy.normalizer, jnp.asarray(observation, jnp.float32))
            mean, _ = nets.distribution(policy.params["policy"], x)
            return float(2.0 * jax.numpy.tanh(mean[0]))

        return value, action

    return run


def test_constant_reward_is_the_value(learn):
    value, _ = learn(probe_envs.Constant)
    assert value(1.0, 0.0) == pytest.approx(1.0, abs=0.1)


def test_value_depends_on_the_observation(learn):
    value, _ = learn(probe_envs.Observed)
    assert value(1.0, 0.0) == pytest.approx(1.0, abs=0.1)
    assert value(-1.0, 0.0) == pytest.approx(-1.0, abs=0.1)


def test_a_later_reward_is_discounted(learn):
    value, _ = learn(probe_envs.Delayed)
    assert value(1.0, 0.0) == pytest.approx(GAMMA, abs=0.1)
    assert value(1.0, 1.0) == pytest.approx(1.0, abs=0.1)


def test_the_action_that_pays_is_taken(learn):
    _, action = learn(probe_envs.Acted)
    assert action(1.0, 0.0) == pytest.approx(0.5, abs=0.15)


def test_the_action_follows_the_observation(learn):
    _, action = learn(probe_envs.Both)
    assert action(1.0, 0.0) == pytest.approx(1.0, abs=0.2)
    assert action(-1.0, 0.0) == pytest.approx(-1.0, abs=0.2)


@pytest.mark.parametrize("limit", [3, 8])
def test_a_time_limit_does_not_lower_the_value(learn, limit):
    value, _ = learn(probe_envs.Endless, 400, f"train.episode_length={limit}")
    values = np.asarray([value(1.0, 0.0), value(-1.0, 0.0)])
    np.testing.assert_allclose(values, 1 / (1 - GAMMA), rtol=0.1)
