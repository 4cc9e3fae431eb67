"""What every driver promises; see rollouts.base.Driver."""

import jax.numpy as jnp
import numpy as np
import pytest
from rollouts.slider import BOUND, OBSERVATION, PHYSICS, REWARD

from rlctl.core.errors import Diverged

GAIN = jnp.float32(2.0)
QUANTITIES = [(PHYSICS, "physics state"), (OBSERVATION, "observation"), (REWARD, "reward")]


def drive(driver, rng, steps):
    """Random actions, the same for an environment whatever the number of them."""
    actions = rng.uniform(-1, 1, (steps, 16, 1)).astype(np.float32)
    return [driver.step(action[: driver.num_envs]) for action in actions]


def test_a_seed_decides_everything(make_driver, rng):
    actions = rng.uniform(-1, 1, (30, 5, 1))
    runs = []
    for seed in (7, 7, 8):
        driver = make_driver(5)
        first = driver.reset(seed)
        runs.append([first, *(driver.step(a).observation for a in actions)])
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.isclose(runs[0][0], runs[2][0])[:, [0, 1, 3]].any()


def test_an_environment_does_not_depend_on_the_others(make_driver, rng):
    few, many = make_driver(3), make_driver(16)
    np.testing.assert_array_equal(few.reset(1), many.reset(1)[:3])
    actions = rng.uniform(-1, 1, (45, 16, 1))
    for action in actions:
        a, b = few.step(action[:3]), many.step(action)
        np.testing.assert_allclose(a.observation, b.observation[:3], atol=1e-6)
        np.testing.assert_array_equal(a.truncated, b.truncated[:3])
        np.testing.assert_array_equal(a.terminated, b.terminated[:3])


def test_an_ended_episode_restarts_in_the_same_step(make_driver, rng):
    driver = make_driver(16, episode_length=1000)
    driver.reset(0)
    ended = 0
    for _ in range(60):
        commands = driver.command()
        step = driver.step(np.ones((16, 1)))
        done = step.terminated
        ended += done.sum()
        assert not step.truncated.any()
        np.testing.assert_array_equal(done, np.abs(step.final_observation[:, 0]) > BOUND)
        assert (np.abs(step.observation[:, 0]) <= BOUND).all()
        assert (step.observation[done, 2] == 0).all(), "the clock starts anew"
        assert (step.final_observation[:, 2] > 0).all()
        kept = step.observation[~done]
        np.testing.assert_array_equal(kept, step.final_observation[~done])
        np.testing.assert_allclose(driver.qpos()[:, 0], step.observation[:, 0], atol=1e-6)
        np.testing.assert_array_equal(driver.command(), step.observation[:, 3:])
        assert (driver.command() != commands)[done].all(), "a new command is drawn"
        assert (driver.command() == commands)[~done].all()
    assert ended > 16


def test_first_states_of_one_environment_differ(make_driver):
    driver = make_driver(2, episode_length=1)
    starts = [driver.reset(0)] + [driver.step(np.zeros((2, 1))).observation for _ in range(8)]
    assert len(np.unique(np.stack(starts)[:, :, 0])) >= 17


def test_the_time_limit_truncates_and_termination_wins(make_driver, rng):
    driver = make_driver(4, episode_length=6)
    driver.reset(3)
    for t, step in enumerate(drive(driver, rng, 5)):
        assert not step.truncated.any(), t
    driver.reset(3)
    for _ in range(5):
        driver.step(np.zeros((4, 1)))
    step = driver.step(np.zeros((4, 1)))
    assert (step.truncated | step.terminated).all()
    assert step.truncated.any()
    assert not (step.truncated & step.terminated).any()
    assert (step.observation[:, 2] == 0).all()
    assert (step.final_observation[step.truncated, 2] == 6).all()


def test_collecting_is_stepping(make_driver, actor):
    driver, replay = make_driver(6), make_driver(6)
    observation = driver.reset(2)
    replay.reset(2)
    unroll, _ = driver.collect(actor, GAIN, 45)
    assert np.asarray(unroll.terminated).any()
    assert np.asarray(unroll.truncated).any()
    for t in range(45):
        np.testing.assert_allclose(unroll.observation[t], observation, atol=1e-5)
        step = replay.step(np.tanh(unroll.raw_action[t]))
        np.testing.assert_allclose(unroll.reward[t], step.reward, atol=1e-5)
        np.testing.assert_array_equal(np.asarray(unroll.terminated[t]) > 0, step.terminated)
        np.testing.assert_array_equal(np.asarray(unroll.truncated[t]) > 0, step.truncated)
        value = 2.0 + step.final_observation[:, 0] + 10 * step.final_observation[:, 2]
        np.testing.assert_allclose(unroll.final_value[t], value * step.truncated, rtol=1e-5)
        observation = step.observation
    np.testing.assert_allclose(unroll.last_observation, observation, atol=1e-5)
    expected = -0.5 * np.asarray(unroll.raw_action)[..., 0] ** 2
    np.testing.assert_allclose(unroll.log_prob, expected, rtol=1e-6)


def test_unrolls_go_on_where_the_last_one_ended(make_driver, actor):
    whole, parts = make_driver(6), make_driver(6)
    whole.reset(2)
    parts.reset(2)
    long, _ = whole.collect(actor, GAIN, 30)
    pieces = [parts.collect(actor, GAIN, 10)[0] for _ in range(3)]
    for name in ("observation", "reward", "terminated", "truncated", "final_value"):
        joined = np.concatenate([getattr(piece, name) for piece in pieces])
        np.testing.assert_allclose(getattr(long, name), joined, atol=1e-5, err_msg=name)
    np.testing.assert_array_equal(pieces[0].last_observation, pieces[1].observation[0])


def test_sums_of_episodes(make_driver, actor):
    driver = make_driver(6)
    driver.reset(5)
    first, nothing = driver.collect(actor, GAIN, 3)
    assert nothing.count == 0
    assert nothing.returns == 0.0
    second, report = driver.collect(actor, GAIN, 37)
    reward = np.concatenate([first.reward, second.reward])
    done = np.concatenate([first.terminated, second.terminated])
    alive = 1.0 - done
    done = np.maximum(done, np.concatenate([first.truncated, second.truncated])) > 0
    count, lengths, returns, alives = 0, 0, 0.0, 0.0
    for row in range(6):
        begin = 0
        for end in np.flatnonzero(done[:, row]) + 1:
            count += 1
            lengths += end - begin
            returns += reward[begin:end, row].sum()
            alives += alive[begin:end, row].sum()
            begin = end
    assert count > 6
    assert report.count == count
    assert report.lengths == lengths
    assert report.returns == pytest.approx(returns, rel=1e-4)
    assert report.terms["progress"] == pytest.approx(returns, rel=1e-4)
    assert report.terms["alive"] == alives
    assert report.nonfinite == 0


def test_saved_and_restored_it_goes_on_bit_for_bit(make_driver, actor):
    driver = make_driver(6)
    driver.reset(4)
    driver.collect(actor, GAIN, 17)
    saved = {name: array.copy() for name, array in driver.state().items()}
    expected, _ = driver.collect(actor, GAIN, 17)
    expected_state = driver.state()

    other = make_driver(6)
    other.restore(saved)
    for name, array in other.state().items():
        np.testing.assert_array_equal(array, saved[name], err_msg=name)
        assert array.dtype == saved[name].dtype, name
    unroll, _ = other.collect(actor, GAIN, 17)
    for name in unroll._fields:
        np.testing.assert_array_equal(
            getattr(unroll, name), getattr(expected, name), err_msg=name
        )
    for name, array in other.state().items():
        np.testing.assert_array_equal(array, expected_state[name], err_msg=name)


@pytest.mark.parametrize(("action", "quantity"), QUANTITIES)
def test_what_diverged_is_named(make_driver, action, quantity):
    driver = make_driver(5)
    driver.reset(0)
    actions = np.zeros((5, 1), np.float32)
    driver.step(actions)
    driver.step(actions)
    actions[3] = action
    with pytest.raises(Diverged, match=f"the {quantity} of environment 3 .* at step 2 ") as caught:
        driver.step(actions)
    assert caught.value.data == {"quantity": quantity, "environment": 3, "step": 2}


def test_what_diverged_in_an_unroll_is_named(make_driver, actor):
    """A gain without bounds is not finite as soon as an action is, at the first step."""
    driver = make_driver(5)
    driver.reset(0)
    driver.collect(actor, GAIN, 17)
    with pytest.raises(Diverged) as caught:
        driver.collect(actor, jnp.float32(np.nan), 17)
    assert caught.value.data == {"quantity": "physics state", "environment": 0, "step": 17}


@pytest.mark.parametrize(("action", "quantity"), QUANTITIES)
def test_diverged_environments_restart_if_told_to(make_driver, action, quantity, actor):
    driver, healthy = make_driver(5, on_nonfinite="reset"), make_driver(5)
    driver.reset(0)
    before = healthy.reset(0)
    actions = np.zeros((5, 1), np.float32)
    expected = healthy.step(actions)
    actions[3] = action
    step = driver.step(actions)
    assert step.truncated.tolist() == [False, False, False, True, False]
    assert step.reward[3] == 0.0
    assert step.observation[3, 2] == 0.0
    np.testing.assert_array_equal(step.final_observation[3], before[3])
    others = [0, 1, 2, 4]
    np.testing.assert_array_equal(step.observation[others], expected.observation[others])
    unroll, report = driver.collect(actor, GAIN, 17)
    assert all(np.isfinite(part).all() for part in unroll)
    assert np.isfinite(report.returns)


def test_diverged_environments_are_counted(make_driver, actor):
    driver = make_driver(5, on_nonfinite="reset")
    driver.reset(0)
    unroll, report = driver.collect(actor, jnp.float32(np.nan), 17)
    assert report.nonfinite == report.count == 5 * 17
    assert np.isfinite(unroll.observation).all()
    assert (np.asarray(unroll.reward) == 0.0).all()
    assert driver.collect(actor, GAIN, 17)[1].nonfinite == 0


def test_models_are_randomised_or_not(make_driver):
    def distance(randomize, seed):
        driver = make_driver(8, randomize=randomize, episode_length=1000)
        driver.reset(seed)
        damping = driver.state().get("draws/dof_damping")
        start = driver.qpos()
        driver.step(np.zeros((8, 1)))
        return damping, driver.qpos() - start

    damping, _ = distance(True, 0)
    again, _ = distance(True, 0)
    other, _ = distance(True, 1)
    assert damping.shape == (8, 1)
    assert len(np.unique(damping)) == 8
    np.testing.assert_array_equal(damping, again)
    assert not np.isclose(damping, other).any()
    assert distance(False, 0)[0] is None
