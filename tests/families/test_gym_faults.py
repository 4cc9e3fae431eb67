"""Gymnasium environments that return malformed results, and that fail."""

import signal
import sys

import numpy as np
import pytest
from odd_gym import EPISODE, ERRORS

from rlctl.core.errors import Diverged, StoppedUnsaved, UsageError
from rlctl.families.gymnasium import driver as gym
from rlctl.families.gymnasium.config import GymnasiumConfig
from rlctl.families.gymnasium.driver import GymDriver
from rlctl.rollouts.evaluate import evaluate
from rlctl.rollouts.factory import make_driver, make_environment
from rlctl.rollouts.round_robin import RoundRobinDriver


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """Make every driver use this process only, however slow the machine is."""
    monkeypatch.setattr(gym, "num_processes", lambda env, num_envs: 1)


@pytest.fixture(params=[1, 2], ids=["here", "in processes"])
def places(request, monkeypatch):
    """Number of processes of every driver."""
    monkeypatch.setattr(gym, "num_processes", lambda env, num_envs: request.param)
    return request.param


@pytest.fixture
def in_processes(monkeypatch):
    """Make every driver use two processes, this one and another."""
    monkeypatch.setattr(gym, "num_processes", lambda env, num_envs: 2)


def driver(name, num_envs=2, episode_length=0, **options):
    config = GymnasiumConfig(**options)
    return make_driver(
        f"gym:odd_gym:{name}-v0", config, "auto", num_envs, episode_length=episode_length
    )


def play(batch, steps):
    """Return the Steps after a reset."""
    batch.reset(0)
    return [batch.step(np.zeros((batch.num_envs, 1), np.float32)) for _ in range(steps)]


class Idle:
    """A policy that does nothing."""

    spec = None

    def apply(self, observation, memory, noise=None):
        return np.zeros((len(observation), 1), np.float32), ()


class TestTerms:
    @pytest.mark.usefixtures("places")
    def test_they_are_counted_where_an_info_has_them(self):
        with driver("Terms") as batch:
            steps = play(batch, 2 * EPISODE)
            goals = [step.metrics["reward_goal"].tolist() for step in steps]
            ended = batch.take_episodes()
        assert goals == [[7.0 * (i % EPISODE in (3, 0))] * 2 for i in range(1, 2 * EPISODE + 1)]
        assert ended.count == 4
        assert ended.terms == {"reward_alive": 4 * EPISODE, "reward_goal": 4 * 14.0}

    @pytest.mark.usefixtures("places")
    def test_one_that_comes_later_is_reported(self):
        with driver("Terms") as batch:
            steps = play(batch, 60)
            ended = batch.take_episodes()
        assert "reward_late" not in batch.spec.terms
        assert ended.terms["reward_late"] == 2 * 11
        assert "reward_late" not in steps[48].metrics
        np.testing.assert_array_equal(steps[49].metrics["reward_late"], [1, 1])

    @pytest.mark.parametrize("info", ["none", "whole keys"])
    def test_infos_of_another_form_are_passed_over(self, info):
        with driver("Terms", info=info) as batch:
            assert play(batch, 1)[0].metrics == {}

    def test_evaluations_sum_them(self):
        with driver("Terms") as batch:
            done = evaluate(Idle(), batch, 11, seed=0)
        assert set(done.terms) == {"reward_alive", "reward_goal", "reward_late"}
        np.testing.assert_array_equal(done.terms["reward_goal"], 14)
        np.testing.assert_array_equal(done.terms["reward_late"], [0] * 8 + [1, 1, 10])

    def test_round_robin_has_the_terms_of_all(self):
        environment = make_environment("gym:odd_gym:Terms-v0", GymnasiumConfig())
        pair = [GymDriver(environment, 1000, 1, "stop", first) for first in (0, 1)]
        turns = RoundRobinDriver(pair, 10)
        play(pair[0], 50)
        play(pair[1], 0)
        turns.step(np.zeros((2, 1), np.float32))
        step = turns.step(np.zeros((2, 1), np.float32))
        np.testing.assert_array_equal(step.metrics["reward_late"], [1, 0])
        assert turns.take_episodes().terms["reward_late"] == 1


class TestFailures:
    @pytest.mark.parametrize("error", ERRORS)
    @pytest.mark.parametrize(
        ("where", "when"),
        [
            ("reset", "its reset"),
            ("step", "step 30"),
            ("later reset", "the reset after step 10"),
            ("close", "its close"),
        ],
    )
    def test_any_exception_is_reported(self, where, when, error):
        batch = driver("Fails", where=where, error=error)
        with pytest.raises(Diverged) as caught, batch:
            play(batch, 30)
        assert caught.value.message == f"gym:odd_gym:Fails-v0 failed in {when}: {error}"

    @pytest.mark.usefixtures("in_processes")
    @pytest.mark.parametrize(
        ("where", "when"), [("reset", "its reset"), ("step", "step 30"), ("close", "its close")]
    )
    def test_in_another_process_too(self, where, when):
        batch = driver("Fails", where=where, error="SystemExit")
        with pytest.raises(Diverged, match=rf"Fails-v0 failed in {when}: SystemExit\n"), batch:
            play(batch, 30)

    def test_a_close_that_fails_after_a_failure_hides_nothing(self, monkeypatch):
        batch = driver("Fails", where="step")
        for one in batch._groups[0]._group._envs:
            monkeypatch.setattr(one.unwrapped, "close", lambda: sys.exit(1))
        with pytest.raises(Diverged, match="failed in step 30"), batch:
            play(batch, 30)

    def test_the_process_that_it_ends(self, monkeypatch):
        environment = make_environment(
            "gym:odd_gym:Fails-v0", GymnasiumConfig(where="step", error="os._exit")
        )
        batch = _in_other_processes(environment, monkeypatch)
        with (
            pytest.raises(Diverged, match=r"Fails-v0 has ended .* after step 29, with exit code 7"),
            batch,
        ):
            play(batch, 30)

    def test_the_process_that_its_constructor_ends(self, monkeypatch):
        environment = make_environment("gym:odd_gym:Fails-v0", GymnasiumConfig())
        environment._options = {"where": "constructor", "error": "os._exit"}
        batch = _in_other_processes(environment, monkeypatch)
        with pytest.raises(UsageError, match="ended before it had begun, with exit code 7"), batch:
            play(batch, 1)

    @pytest.mark.parametrize(
        "stop", [KeyboardInterrupt(), StoppedUnsaved("stopped immediately by a second signal")]
    )
    def test_a_stop_is_no_failure(self, stop, monkeypatch):
        monkeypatch.setattr(signal, "getsignal", lambda signum: signal.default_int_handler)
        batch = driver("Fails", where="nowhere")
        batch.reset(0)

        def stopped(action):
            raise stop

        monkeypatch.setattr(batch._groups[0]._group._envs[0].unwrapped, "step", stopped)
        with pytest.raises(type(stop)) as caught:
            batch.step(np.zeros((2, 1), np.float32))
        assert caught.value is stop

    def test_ctrl_c_that_nobody_pressed_is_one(self, monkeypatch):
        batch = driver("Fails", where="nowhere")
        batch.reset(0)

        def stopped(action):
            raise KeyboardInterrupt

        monkeypatch.setattr(batch._groups[0]._group._envs[0].unwrapped, "step", stopped)
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with pytest.raises(Diverged, match="failed in step 1: KeyboardInterrupt"):
                batch.step(np.zeros((2, 1), np.float32))
        finally:
            signal.signal(signal.SIGINT, before)


def _in_other_processes(environment, monkeypatch):
    """Make a driver whose two environments run in two other processes."""
    monkeypatch.setattr(gym, "num_processes", lambda env, num_envs: 2)
    monkeypatch.setattr(gym, "LocalGroup", gym.RemoteGroup)
    return GymDriver(environment, 1000, 2)


class TestAnswers:
    @pytest.mark.parametrize(
        ("form", "complaint"),
        [
            ("old reset", r"its reset: ValueError: reset gave an array of shape \(2,\), not \(obs"),
            ("old step", r"step 1: ValueError: step gave a tuple of 4, not \(observation, reward"),
            ("text", r"step 1: ValueError: its reward is 'much', not one number"),
            ("long", r"its reset: ValueError: observation has shape \(3,\), its space \(2,\)"),
            ("nothing", r"its reset: ValueError: observation has shape \(\), its space \(2,\)"),
        ],
    )
    def test_malformed_results_are_reported(self, form, complaint):
        with pytest.raises(Diverged, match=complaint), driver("Answers", form=form) as batch:
            play(batch, 1)

    def test_missing_parts_are_reported(self):
        with pytest.raises(Diverged, match="its observation has no b"):
            driver("Observes", observes="lacking").reset(0)

    @pytest.mark.parametrize("form", ["usual", "array", "bool", "list"])
    def test_numbers_of_any_kind_will_do(self, form):
        steps = play(driver("Answers", form=form), EPISODE)
        assert [step.reward.tolist() for step in steps] == [[1.0, 1.0]] * EPISODE
        assert [step.terminated.all() for step in steps] == [False] * (EPISODE - 1) + [True]

    @pytest.mark.parametrize(("form", "value"), [("nan", "nan"), ("beyond float32", "inf, as")])
    def test_non_finite_rewards_are_reported(self, form, value):
        with pytest.raises(Diverged, match=rf"the reward of environment 0 .* it is {value}"):
            play(driver("Answers", form=form), 1)

    def test_components_that_are_not_finite_are_named(self):
        batch = driver("Large", value=1e300)
        complaint = r"not finite at step 0 \(2 of 2 .*: observation\[1\] is inf, as float32 ends"
        with pytest.raises(Diverged, match=complaint):
            play(batch, 1)

    def test_keys_need_not_be_text(self):
        first = driver("Observes").reset(0)
        np.testing.assert_array_equal(first, [[0.5, 0.25]] * 2)


def test_a_reset_at_the_time_limit_has_no_options():
    steps = play(driver("Options", episode_length=3), 7)
    assert [step.truncated.all() for step in steps] == [False, False, True] * 2 + [False]


@pytest.mark.usefixtures("places")
def test_a_constructor_may_make_another_of_the_module():
    with driver("Wrapped") as batch:
        assert [step.reward.tolist() for step in play(batch, 2)] == [[1.0, 1.0]] * 2
