"""Driver for Gymnasium environments."""

import jax
import numpy as np
import pytest

from rlctl.core.errors import Diverged, UsageError
from rlctl.families.gymnasium import driver as gym
from rlctl.families.gymnasium.config import GymnasiumConfig
from rlctl.rollouts.base import Actor, ActorStep
from rlctl.rollouts.factory import make_driver, make_environment
from rlctl.rollouts.keys import ACT, step_keys

TOY = "gym:toy_gym:Toy-v0"
START, STEP, EPISODE = 0, 1, 6  # where the toy's observation has them


def driver(num_envs=3, name=TOY, episode_length=0, on_nonfinite="stop", **options):
    return make_driver(
        name,
        GymnasiumConfig(**options),
        "auto",
        num_envs,
        episode_length=episode_length,
        on_nonfinite=on_nonfinite,
    )


@pytest.fixture
def in_processes(monkeypatch):
    """Make every driver use two processes, this one and another."""
    monkeypatch.setattr(gym, "num_processes", lambda env, num_envs: 2)


def actions(num_envs, steps, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform([-1.0, 0.0], [1.0, 4.0], (steps, num_envs, 2)).astype(np.float32)


def play(batch, chosen, seed=0):
    """Observations (T + 1, N, O) and the Steps."""
    observations, steps = [batch.reset(seed)], []
    for action in chosen:
        steps.append(batch.step(action))
        observations.append(steps[-1].observation)
    return np.stack(observations), steps


class TestSteps:
    def test_dictionaries_are_flattened_by_name(self):
        first = driver().reset(0)
        assert first.shape == (3, 7)
        assert first.dtype == np.float32
        np.testing.assert_array_equal(first[:, 2:6], [[0, 1, 2, 3]] * 3)

    def test_an_episode_ends_and_the_next_begins_in_one_step(self):
        seen, steps = play(driver(), actions(3, 6))
        assert [step.terminated.all() for step in steps] == [False] * 4 + [True, False]
        assert not any(step.truncated.any() for step in steps)
        last = steps[4]
        np.testing.assert_array_equal(last.final_observation[:, START], seen[4, :, START])
        np.testing.assert_array_equal(last.final_observation[:, STEP], 5)
        np.testing.assert_array_equal(last.observation[:, STEP], 0)
        assert (last.observation[:, START] != last.final_observation[:, START]).all()
        np.testing.assert_array_equal(steps[5].observation, steps[5].final_observation)

    def test_rewards_and_their_terms(self):
        batch, chosen = driver(), actions(3, 5)
        _, steps = play(batch, chosen)
        assert batch.spec.terms == ("reward_push",)
        for action, step in zip(chosen, steps, strict=True):
            np.testing.assert_allclose(step.reward, action.sum(axis=1), rtol=1e-6)
            np.testing.assert_allclose(step.metrics["reward_push"], 2 * step.reward, rtol=1e-6)
        ended = batch.take_episodes()
        assert (ended.count, ended.lengths) == (3, 15)
        assert ended.returns == pytest.approx(chosen.sum(), rel=1e-5)
        returns = chosen.sum(axis=(0, 2))
        assert ended.spread == pytest.approx(3 * returns.var(), rel=1e-5)
        assert ended.terms["reward_push"] == pytest.approx(2 * chosen.sum(), rel=1e-5)
        assert batch.take_episodes().count == 0

    def test_actions_out_of_bounds_are_clipped(self):
        batch = driver(1)
        batch.reset(0)
        assert batch.step(np.array([[-9.0, 9.0]], np.float32)).reward[0] == 3.0

    def test_the_seed_decides(self):
        batch, chosen = driver(), actions(3, 12)
        first, again, other = (play(batch, chosen, seed)[0] for seed in (1, 1, 2))
        first[..., EPISODE] = again[..., EPISODE] = 0  # the toy never forgets
        np.testing.assert_array_equal(first, again)
        assert (first[..., START] != other[..., START]).all()
        assert len(np.unique(first[0, :, START])) == 3

    @pytest.mark.parametrize("start", [0, 2, -1, -(2**40), 20240101])
    def test_choices_are_counted_from_where_their_space_starts(self, start):
        batch = driver(3, "gym:toy_gym:Odd-v0", takes="choice", start=start)
        batch.reset(0)
        step = batch.step(np.array([[0.0], [1.0], [2.0]], np.float32))
        np.testing.assert_array_equal(step.observation[:, 0], [0, 1, 2])


class TestTimeLimits:
    def test_the_environments_own(self):
        _, steps = play(driver(length=100), actions(3, 8))
        assert [step.truncated.all() for step in steps] == [False] * 7 + [True]

    def test_an_earlier_one(self):
        _, steps = play(driver(length=100, episode_length=3), actions(3, 7))
        assert [step.truncated.all() for step in steps] == [False, False, True] * 2 + [False]
        np.testing.assert_array_equal(steps[2].final_observation[:, STEP], 3)
        np.testing.assert_array_equal(steps[2].observation[:, STEP], 0)

    def test_a_later_one_is_refused(self):
        with pytest.raises(UsageError, match="ends its episodes after 8 steps; a limit of 9"):
            driver(episode_length=9)

    def test_a_later_one_of_the_environment(self):
        assert driver(max_episode_steps=50).spec.episode_length == 50

    def test_where_it_has_none(self):
        batch = driver(name="gym:toy_gym:Endless-v0", episode_length=2000)
        assert batch.spec.episode_length == 1000

    def test_episodes_start_staggered(self):
        batch = driver(4, length=100)
        batch.reset(0)
        batch.stagger()
        ended = [batch.step(action).truncated for action in actions(4, 8)]
        np.testing.assert_array_equal(np.argmax(ended, axis=0), [7, 5, 3, 1])
        assert batch.take_episodes().lengths == 8 + 6 + 4 + 2


class TestFailures:
    @pytest.mark.parametrize("quantity", ["observation", "reward"])
    def test_the_non_finite_quantity_is_named(self, quantity):
        batch, chosen = driver(fail=quantity), actions(3, 3)
        with pytest.raises(Diverged, match=rf"{quantity} of environment 0 of {TOY} .* step 2") as e:
            play(batch, chosen)
        assert e.value.data == {"quantity": quantity, "environment": 0, "step": 2}

    @pytest.mark.parametrize("quantity", ["observation", "reward"])
    def test_it_can_be_reset(self, quantity):
        batch, chosen = driver(fail=quantity, on_nonfinite="reset"), actions(3, 4)
        seen, steps = play(batch, chosen)
        assert all(np.isfinite(array).all() for step in steps for array in step[:-1])
        assert steps[2].truncated.all()
        np.testing.assert_array_equal(steps[2].reward, 0)
        np.testing.assert_array_equal(steps[2].final_observation, seen[2])
        np.testing.assert_array_equal(steps[3].observation[:, STEP], 1)
        assert batch.take_episodes().nonfinite == 3

    def test_an_error_is_reported_with_its_text(self):
        batch = driver(fail="raise")
        with pytest.raises(Diverged, match=r"failed in step 3: ValueError: the toy broke"):
            play(batch, actions(3, 3))

    @pytest.mark.usefixtures("in_processes")
    def test_an_error_in_another_process_is_reported_alike(self):
        with (
            driver(fail="raise") as batch,
            pytest.raises(Diverged, match=r"failed in step 3: ValueError: the toy broke"),
        ):
            play(batch, actions(3, 3))

    @pytest.mark.usefixtures("in_processes")
    def test_a_process_that_ends(self):
        with driver(2, fail="exit", at=10**9) as batch:
            batch.reset(0)
            batch._groups[0]._process.kill()
            with pytest.raises(Diverged, match="ended unexpectedly after step 0, by signal 9"):
                batch.step(actions(2, 1)[0])


def test_processes_make_no_difference(monkeypatch):
    results = []
    for count in (1, 2):
        monkeypatch.setattr(gym, "num_processes", lambda env, num_envs, count=count: count)
        with driver(3) as batch:
            batch.reset(4)
            batch.stagger()
            results.append([batch.step(action) for action in actions(3, 10)])
            assert len(batch._groups) == count
    for one, other in zip(*results, strict=True):
        for array, same in zip(one[:-1], other[:-1], strict=True):
            np.testing.assert_array_equal(array, same)


def test_processes_are_for_slow_environments():
    toy = make_environment(TOY, GymnasiumConfig())
    toy.step_seconds = 10e-6
    assert gym.num_processes(toy, 1000) == 1
    toy.step_seconds = 10e-3
    assert gym.num_processes(toy, 1) == 1
    assert gym.num_processes(toy, 64) > 1


def test_restore_starts_new_episodes():
    batch = driver()
    first, _ = play(batch, actions(3, 3))
    saved = batch.state()
    batch.restore(saved)
    resumed = batch.observation
    assert (resumed[:, STEP] == 0).all()
    assert not np.isin(resumed[:, START], first[..., START]).any()
    batch.restore(saved)
    np.testing.assert_array_equal(batch.observation[:, START], resumed[:, START])


class TestCollecting:
    actor = Actor(
        lambda params, observation, key: ActorStep(
            jax.numpy.stack([jax.random.uniform(key), params]),
            observation[STEP],
        ),
        lambda params, observation: params + observation[STEP],
        lambda keys, time: step_keys(keys, time, ACT),
    )

    def collected(self, length=20):
        batch = driver(3, length=100)
        batch.reset(0)
        return batch, *batch.collect(self.actor, np.float32(2.0), length)

    def test_unrolls(self):
        batch, unroll, ended = self.collected()
        assert (ended.count, ended.lengths) == (6, 48)
        np.testing.assert_array_equal(unroll.observation[:, 0, STEP], np.arange(20) % 8)
        np.testing.assert_array_equal(unroll.extras, unroll.observation[..., STEP])
        np.testing.assert_array_equal(np.flatnonzero(unroll.truncated[:, 1]), [7, 15])
        np.testing.assert_array_equal(unroll.final, unroll.truncated * 10.0)
        np.testing.assert_array_equal(unroll.last_observation, batch.observation)
        assert ((unroll.reward > 2.0) & (unroll.reward < 3.0)).all()
        assert len(np.unique(unroll.reward)) == 60, "every environment and step has its own key"

    def test_they_follow_from_the_seed(self):
        (_, one, _), (_, other, _) = self.collected(), self.collected()
        for array, same in zip(one, other, strict=True):
            np.testing.assert_array_equal(array, same)
