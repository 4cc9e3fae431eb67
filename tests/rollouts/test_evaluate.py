"""Evaluation: exactly one episode per environment and round is counted."""

from dataclasses import replace

import numpy as np
import pytest

from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart, RatioMetric
from rlctl.policies.mlp.spec import MLPSpec
from rlctl.rollouts.base import Step
from rlctl.rollouts.evaluate import describe, evaluate

SPEC = EnvSpec(
    "scripted", (ObservationPart("x", 1),), (ActionPart("a", -1.0, 1.0),), 0.1, 1, 100, ("term",)
)


class Scripted:
    """Driver whose environment i terminates every i + 1 steps; the last one is truncated instead.

    The reward of every step is 1, the term 2.
    """

    spec, physics = SPEC, "native"

    def __init__(self, num_envs):
        self.num_envs = num_envs
        self.seeds = []

    def reset(self, seed):
        self.seeds.append(seed)
        self.length = np.zeros(self.num_envs, int)
        return np.zeros((self.num_envs, 1), np.float32)

    def step(self, action, edits=None):
        self.length += 1
        over = self.length % (np.arange(self.num_envs) + 1) == 0
        last = np.arange(self.num_envs) == self.num_envs - 1
        ones = np.ones(self.num_envs, np.float32)
        observation = np.zeros((self.num_envs, 1), np.float32)
        return Step(observation, ones, over & ~last, over & last, observation, {"term": 2 * ones})


class Idle:
    spec = MLPSpec(1, 1, (-1.0,), (1.0,), (), ())

    def __init__(self):
        self.noises = []

    def apply(self, observation, memory, *, noise=None):
        self.noises.append(noise)
        return np.zeros((len(observation), 1), np.float32), ()


class Following(Scripted):
    """Driver with alternating commands 1 and -1, all of whose environments move at 0.5."""

    spec = replace(SPEC, commands=("speed",), achieved=(0,))

    def command(self):
        return (1.0 - 2.0 * (np.arange(self.num_envs) % 2))[:, None]

    def step(self, action, edits=None):
        return super().step(action)._replace(final_observation=np.full((self.num_envs, 1), 0.5))


def test_command_tracking():
    tracking = evaluate(Idle(), Following(4), episodes=4, seed=7).summary()["tracking"]
    # episodes of 1, 2, 3 and 4 steps: 4 steps with command 1, 6 with -1
    assert tracking["speed"]["error"] == pytest.approx((4 * 0.5 + 6 * 1.5) / 10)
    assert tracking["speed"]["bins"] == [
        {"told": -1.0, "achieved": 0.5, "error": 1.5, "steps": 6},
        {"told": 1.0, "achieved": 0.5, "error": 0.5, "steps": 4},
    ]
    assert "tracking" not in evaluate(Idle(), Scripted(2), episodes=2, seed=7).summary()


class Measured(Scripted):
    """Driver whose environment i gives work k and path i in its k-th step."""

    spec = replace(
        SPEC,
        eval_metrics=(
            RatioMetric("power", "W", numerator="work"),
            RatioMetric("cost", "1", numerator="work", denominator="path"),
            RatioMetric("share", "1", numerator="term", denominator="none"),
        ),
    )

    def step(self, action, edits=None):
        step = super().step(action)
        n = self.num_envs
        extra = {"work": 1.0 * self.length, "path": np.arange(n), "none": np.zeros(n)}
        return step._replace(metrics=step.metrics | extra)


def test_eval_metrics_are_ratios_of_sums_over_all_steps():
    assert Measured.spec.metrics == ("term", "work", "path", "none")
    result = evaluate(Idle(), Measured(3), episodes=5, seed=7)
    # episodes of 1, 2, 3, 1 and 2 steps, in environments 0, 1, 2, 0 and 1
    work, path, steps = 1 + 3 + 6 + 1 + 3, 0 + 2 + 6 + 0 + 2, 9
    assert result.summary()["figures"] == {
        "power": {"mean": pytest.approx(work / steps), "unit": "W"},
        "cost": {"mean": pytest.approx(work / path), "unit": "1"},
        "share": {"mean": pytest.approx(np.nan, nan_ok=True), "unit": "1"},
    }
    assert set(result.terms) == {"term"}, "eval metrics are no reward terms"


def test_ends_by_the_environment_are_counted():
    summary = evaluate(Idle(), Scripted(4), episodes=6, seed=7).summary()
    assert (summary["terminated_episodes"], summary["terminated"]) == (5, 5 / 6)


def test_each_environment_counts_one_episode():
    result = evaluate(Idle(), Scripted(4), episodes=4, seed=7)
    np.testing.assert_array_equal(result.returns, [1, 2, 3, 4])
    np.testing.assert_array_equal(result.lengths, [1, 2, 3, 4])
    np.testing.assert_array_equal(result.terms["term"], [2, 4, 6, 8])
    np.testing.assert_array_equal(result.terminated, [True, True, True, False])
    assert result.steps == 16


def test_more_episodes_than_environments_are_played_in_rounds_of_other_seeds():
    driver = Scripted(4)
    result = evaluate(Idle(), driver, episodes=6, seed=7)
    np.testing.assert_array_equal(result.returns, [1, 2, 3, 4, 1, 2])
    assert len(set(driver.seeds)) == 2


def test_noise_is_sampled_only_when_stochastic():
    calm, restless = Idle(), Idle()
    evaluate(calm, Scripted(2), episodes=2, seed=0)
    evaluate(restless, Scripted(2), episodes=2, seed=0, stochastic=True)
    assert calm.noises == [None, None]
    assert all(noise.shape == (2, 1) for noise in restless.noises)
    assert (restless.noises[0] != restless.noises[1]).all()


def test_statistics_by_hand():
    stats = describe(np.array([1.0, 2.0, 3.0, 6.0]))
    assert stats["mean"] == 3.0
    assert stats["std"] == pytest.approx(np.sqrt(3.5))
    assert stats["ci95"][1] - 3.0 == pytest.approx(1.96 * np.sqrt(3.5) / 2)


def test_staggered_episodes_end_at_different_times():
    from rlctl.rollouts.episode_stats import initial_stats, stagger

    stats = stagger(initial_stats(4, ()), np.arange(4, dtype=np.uint32), 4, 100)
    np.testing.assert_array_equal(stats.clock, [0, 25, 50, 75])
    np.testing.assert_array_equal(stats.length, [0, 0, 0, 0])
