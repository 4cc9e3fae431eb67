"""Contract of every driver; see rollouts.base.Driver."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rollouts.slider import BOUND, OBSERVATION, PHYSICS, REWARD

from rlctl.core.errors import Diverged

N = 6  # environments of a driver, unless a test says otherwise
LIMIT = 20  # control steps of an episode, likewise
T = 45  # steps of an unroll
GAIN = jnp.float32(2.0)
QUANTITIES = [(PHYSICS, "physics state"), (OBSERVATION, "observation"), (REWARD, "reward")]


def test_a_seed_decides_everything(make_driver, rng):
    driver = make_driver()
    actions = rng.uniform(-1, 1, (30, N, 1))
    runs = []
    for seed in (7, 7, 8):
        first = driver.reset(seed)
        runs.append([first, *(driver.step(a).observation for a in actions)])
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.isclose(runs[0][0], runs[2][0])[:, [0, 1, 3]].any()


def test_an_environment_does_not_depend_on_the_others(make_driver, rng):
    few, many = make_driver(3), make_driver()
    np.testing.assert_array_equal(few.reset(1), many.reset(1)[:3])
    for action in rng.uniform(-1, 1, (45, N, 1)):
        a, b = few.step(action[:3]), many.step(action)
        np.testing.assert_allclose(a.observation, b.observation[:3], atol=1e-6)
        np.testing.assert_array_equal(a.truncated, b.truncated[:3])
        np.testing.assert_array_equal(a.terminated, b.terminated[:3])


def test_an_ended_episode_restarts_in_the_same_step(make_driver):
    driver = make_driver(episode_length=1000)
    driver.reset(0)
    ended = 0
    for _ in range(60):
        commands = driver.command()
        step = driver.step(np.ones((N, 1)))
        done = step.terminated
        ended += done.sum()
        assert not step.truncated.any()
        np.testing.assert_array_equal(done, np.abs(step.final_observation[:, 0]) > BOUND)
        assert (np.abs(step.observation[:, 0]) <= BOUND).all()
        assert (step.observation[done, 2] == 0).all(), "the clock starts anew"
        assert (step.final_observation[:, 2] > 0).all()
        np.testing.assert_array_equal(step.observation[~done], step.final_observation[~done])
        np.testing.assert_allclose(driver.qpos()[:, 0], step.observation[:, 0], atol=1e-6)
        np.testing.assert_array_equal(driver.command(), step.observation[:, 3:])
        assert (driver.command() != commands)[done].all(), "a new command is drawn"
        assert (driver.command() == commands)[~done].all()
    assert ended > N


def test_first_states_of_an_environment_differ(make_driver):
    driver = make_driver(episode_length=1)
    starts = [driver.reset(0)]
    starts += [driver.step(np.zeros((N, 1))).observation for _ in range(8)]
    for part in (0, 1, 3):
        assert len(np.unique(np.stack(starts)[:, :, part])) == 9 * N


def test_the_time_limit_truncates_and_termination_wins(make_driver):
    driver = make_driver()
    driver.reset(0)
    length, outcomes = np.zeros(N), set()
    for t in range(60):
        step = driver.step(np.linspace(0, 1, N)[:, None])
        length += 1
        np.testing.assert_array_equal(step.final_observation[:, 2], length)
        out = np.abs(step.final_observation[:, 0]) > BOUND
        np.testing.assert_array_equal(step.terminated, out, f"step {t}")
        np.testing.assert_array_equal(step.truncated, (length == LIMIT) & ~out, f"step {t}")
        outcomes |= set(zip(step.terminated.tolist(), step.truncated.tolist(), strict=True))
        length[step.terminated | step.truncated] = 0
        np.testing.assert_array_equal(step.observation[:, 2], length)
    assert outcomes == {(False, False), (True, False), (False, True)}


def test_collecting_is_stepping(make_driver, actor):
    driver = make_driver()
    driver.reset(2)
    unroll, ended = driver.collect(actor, GAIN, T)
    assert np.asarray(unroll.terminated).any()
    assert np.asarray(unroll.truncated).any()
    observation = driver.reset(2)
    for t in range(T):
        np.testing.assert_allclose(unroll.observation[t], observation, atol=1e-5)
        step = driver.step(np.tanh(unroll.extras["raw"][t]))
        np.testing.assert_allclose(unroll.reward[t], step.reward, atol=1e-5)
        np.testing.assert_array_equal(np.asarray(unroll.terminated[t]) > 0, step.terminated)
        np.testing.assert_array_equal(np.asarray(unroll.truncated[t]) > 0, step.truncated)
        value = 2.0 + step.final_observation[:, 0] + 10 * step.final_observation[:, 2]
        np.testing.assert_allclose(unroll.final["value"][t], value * step.truncated, rtol=1e-5)
        final = step.final_observation * step.truncated[:, None]
        np.testing.assert_allclose(unroll.final["observation"][t], final, atol=1e-5)
        observation = step.observation
    np.testing.assert_allclose(unroll.last_observation, observation, atol=1e-5)
    squares = np.asarray(unroll.extras["raw"])[..., 0] ** 2
    np.testing.assert_allclose(unroll.extras["squares"]["sum"], squares, rtol=1e-6)
    np.testing.assert_array_equal(driver.observation, observation)
    taken = driver.take_episodes()
    assert (taken.count, taken.lengths) == (ended.count, ended.lengths)
    assert taken.returns == pytest.approx(ended.returns, rel=1e-5)
    assert taken.terms == pytest.approx(ended.terms, rel=1e-5)
    assert taken.spread == pytest.approx(ended.spread, rel=1e-3)
    assert ended.spread > 0
    assert driver.take_episodes().count == 0


def test_unrolls_continue_from_the_last_one(make_driver, actor):
    driver = make_driver()
    driver.reset(2)
    whole, _ = driver.collect(actor, GAIN, T)
    driver.reset(2)
    parts = [driver.collect(actor, GAIN, T // 3)[0] for _ in range(3)]
    joined = jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)
    joined = joined._replace(last_observation=parts[-1].last_observation)
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-5), whole, joined)
    np.testing.assert_array_equal(parts[0].last_observation, parts[1].observation[0])


def test_sums_of_episodes(make_driver, actor):
    driver = make_driver()
    driver.reset(5)
    first, _ = driver.collect(actor, GAIN, T)
    second, report = driver.collect(actor, GAIN, T)
    unroll = jax.tree.map(lambda *pair: np.concatenate(pair), first, second)
    done = np.maximum(unroll.terminated, unroll.truncated) > 0
    count, length, returns, alive = 0, 0, 0.0, 0.0
    for row in range(N):
        begin = 0
        for end in np.flatnonzero(done[:, row]) + 1:
            if end > T:
                count += 1
                length += end - begin
                returns += unroll.reward[begin:end, row].sum()
                alive += (1 - unroll.terminated[begin:end, row]).sum()
            begin = end
    assert count > N
    assert (report.count, report.lengths, report.nonfinite) == (count, length, 0)
    assert report.returns == pytest.approx(returns, rel=1e-4)
    assert report.terms == {"progress": pytest.approx(returns, rel=1e-4), "alive": alive}


@pytest.mark.parametrize("resample", [False, True])
def test_save_and_restore_continue_bit_for_bit(make_driver, actor, resample):
    driver = make_driver(resample=resample)
    driver.reset(4)
    driver.collect(actor, GAIN, T)
    saved = {name: array.copy() for name, array in driver.state().items()}
    expected, _ = driver.collect(actor, GAIN, T)
    expected_state = driver.state()

    other = make_driver(copy=1, resample=resample)
    other.restore(saved)
    for name, array in other.state().items():
        np.testing.assert_array_equal(array, saved[name], err_msg=name)
        assert array.dtype == saved[name].dtype, name
    unroll, _ = other.collect(actor, GAIN, T)
    jax.tree.map(np.testing.assert_array_equal, unroll, expected)
    for name, array in other.state().items():
        np.testing.assert_array_equal(array, expected_state[name], err_msg=name)


@pytest.mark.parametrize(("action", "quantity"), QUANTITIES)
def test_the_diverged_quantity_is_named(make_driver, action, quantity):
    driver = make_driver()
    driver.reset(0)
    actions = np.zeros((N, 1), np.float32)
    driver.step(actions)
    driver.step(actions)
    actions[3] = action
    with pytest.raises(Diverged, match=f"the {quantity} of environment 3 .* at step 2 ") as caught:
        driver.step(actions)
    assert caught.value.data == {"quantity": quantity, "environment": 3, "step": 2}


def test_the_diverged_quantity_of_an_unroll_is_named(make_driver, constant):
    driver = make_driver()
    driver.reset(0)
    driver.collect(constant, jnp.float32(0.0), T)
    with pytest.raises(Diverged) as caught:
        driver.collect(constant, jnp.float32(PHYSICS), T)
    assert caught.value.data == {"quantity": "physics state", "environment": 0, "step": T}


@pytest.mark.parametrize(("action", "quantity"), QUANTITIES)
def test_diverged_environments_are_reset_on_request(make_driver, action, quantity):
    driver = make_driver(on_nonfinite="reset")
    driver.reset(0)
    actions = np.zeros((N, 1), np.float32)
    expected = driver.step(actions)
    before = driver.reset(0)
    actions[3] = action
    step = driver.step(actions)
    assert np.flatnonzero(step.truncated).tolist() == [3], quantity
    assert not step.terminated.any()
    assert step.reward[3] == step.metrics["alive"][3] == 0.0
    assert step.observation[3, 2] == 0.0
    np.testing.assert_array_equal(step.final_observation[3], before[3])
    others = [0, 1, 2, 4, 5]
    np.testing.assert_array_equal(step.observation[others], expected.observation[others])
    following = driver.step(np.zeros((N, 1)))
    assert np.isfinite(following.observation).all()
    assert following.observation[3, 2] == 1.0


def test_diverged_environments_are_counted(make_driver, constant):
    driver = make_driver(on_nonfinite="reset")
    driver.reset(0)
    unroll, report = driver.collect(constant, jnp.float32(PHYSICS), T)
    assert report.nonfinite == report.count == N * T
    assert np.isfinite(unroll.observation).all()
    assert (np.asarray(unroll.reward) == 0.0).all()
    unroll, report = driver.collect(constant, jnp.float32(0.0), T)
    assert report.nonfinite == 0
    assert np.asarray(unroll.reward).any()


def test_models_are_randomised_or_not(make_driver):
    driver, plain = make_driver(), make_driver(randomize=False)
    damping = []
    for seed in (0, 0, 1):
        driver.reset(seed)
        damping.append(driver.state()["draws/dof_damping"])
    assert damping[0].shape == (N, 1)
    assert len(np.unique(damping[0])) == N
    np.testing.assert_array_equal(damping[0], damping[1])
    assert not np.isclose(damping[0], damping[2]).any()

    np.testing.assert_array_equal(driver.reset(0), plain.reset(0))
    assert not any(name.startswith("draws") for name in plain.state())
    for _ in range(5):
        speed, usual = (d.step(np.ones((N, 1))).final_observation[:, 1] for d in (driver, plain))
    np.testing.assert_array_equal(speed < usual, damping[0][:, 0] > 1.0)


def damping_of(driver):
    return driver.state()["draws/dof_damping"][:, 0]


def test_models_are_resampled_every_episode_on_request(make_driver):
    driver, kept = make_driver(resample=True), make_driver()
    driver.reset(0)
    kept.reset(0)
    damping = damping_of(driver)
    np.testing.assert_array_equal(damping, damping_of(kept))
    seen, ended = [damping], 0
    for _ in range(2 * LIMIT):
        step = driver.step(np.ones((N, 1)))
        kept.step(np.zeros((N, 1)))
        over = step.terminated | step.truncated
        before, damping = damping, damping_of(driver)
        np.testing.assert_array_equal(damping != before, over)
        ended += over.sum()
        seen.append(damping[over])
    assert ended > N
    assert len(np.unique(np.concatenate(seen))) == N + ended
    np.testing.assert_array_equal(damping_of(kept), seen[0])


def test_resampled_models_are_those_of_the_physics(make_driver):
    """MuJoCo's Euler step of a mass of 1 kg: v' = (v + h F) / (1 + h d), twice a control step."""
    driver, usual = make_driver(resample=True, episode_length=1), make_driver(episode_length=1)
    driver.reset(0)
    usual.reset(0)
    for t in range(4):
        damping, other = damping_of(driver), damping_of(usual)
        assert ((damping != other) == (t > 0)).all()
        speed, v = (d.step(np.ones((N, 1))).final_observation[:, 1] for d in (driver, usual))
        for _ in range(2):
            v = v * (1 + 0.01 * other) - 0.2  # back to the start, which is the same
        for _ in range(2):
            v = (v + 0.2) / (1 + 0.01 * damping)
        np.testing.assert_allclose(speed, v, atol=1e-5)
