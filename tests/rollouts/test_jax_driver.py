"""JaxDriver on a simulation without physics, and so under strict promotion rules."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart
from rlctl.physics.simulation import BaseSimulation, Transition
from rlctl.rollouts.jax_driver import JaxDriver
from rlctl.rollouts.jax_program import JaxProgram

N = 40  # more than are reset at a time


class Counter(BaseSimulation):
    """Simulation that counts up by the action, terminates at 3 and starts with a random mark."""

    spec = EnvSpec(
        id="counter",
        observation=(ObservationPart("count", 1), ObservationPart("mark", 1)),
        action=(ActionPart("step", 0.0, 1.0),),
        control_dt=1.0,
        substeps=1,
        episode_length=10,
        terms=("step",),
    )

    def randomize(self, keys):
        return {"scale": jax.vmap(jax.random.uniform)(keys)}

    def reset(self, initial_keys, begin_keys, model_fields):
        mark = jax.vmap(jax.random.uniform)(initial_keys) + jax.vmap(jax.random.uniform)(begin_keys)
        state = {"count": jnp.zeros_like(mark), "mark": mark, "scale": model_fields["scale"]}
        return state, self._observe(state)

    def step(self, state, action, before_keys, after_keys, model_fields, edits):
        state = {**state, "count": state["count"] + action[:, 0]}
        terminated = (state["count"] >= 3.0).astype(jnp.float32)
        reward = model_fields["scale"]
        return state, Transition(self._observe(state), reward, terminated, {"step": action[:, 0]})

    def fields(self, state):
        return {"qpos": state["count"][:, None]}

    def _observe(self, state):
        return jnp.stack([state["count"], state["mark"]], axis=1)


@pytest.fixture
def driver():
    return JaxDriver(JaxProgram(Counter(), 10), "jax", N, True, "stop")


def test_any_number_of_episodes_restart_in_one_step(driver):
    marks = [driver.reset(0)[:, 1]]
    action = np.ones((N, 1), np.float32)
    for ending in (1, 30, N):
        action[:ending] = 3.0
        action[ending:] = 0.0
        step = driver.step(action)
        assert step.terminated.sum() == ending
        assert (step.observation[:, 0] == 0).all()
        assert (step.final_observation[:, 0] == action[:, 0]).all()
        np.testing.assert_array_equal(step.final_observation[:, 1], marks[-1])
        marks.append(step.observation[:, 1])
        assert (marks[-1][:ending] != marks[-2][:ending]).all()
        np.testing.assert_array_equal(marks[-1][ending:], marks[-2][ending:])
    assert len(np.unique(np.concatenate(marks))) == N + 1 + 30 + N


def test_a_restarted_row_keeps_its_own_model(driver, constant):
    driver.reset(0)
    scale = driver.state()["draws/scale"]
    unroll, _ = driver.collect(constant, jnp.float32(1.0), 20)
    np.testing.assert_array_equal(unroll.reward, np.broadcast_to(scale, (20, N)))
    np.testing.assert_array_equal(driver.state()["jax/sim/scale"], scale)


def test_only_restarted_rows_get_resampled_models(constant):
    driver = JaxDriver(JaxProgram(Counter(), 10, resample=True), "jax", N, True, "stop")
    driver.reset(0)
    scale = driver.state()["draws/scale"]
    action = np.ones((N, 1), np.float32)
    for ending in (1, 30, N):
        action[:ending], action[ending:] = 3.0, 0.0
        np.testing.assert_array_equal(driver.step(action).reward, scale)
        before, scale = scale, driver.state()["draws/scale"]
        np.testing.assert_array_equal(scale != before, np.arange(N) < ending)
        np.testing.assert_array_equal(driver.state()["jax/sim/scale"], scale)
    saved = driver.state()
    unroll, _ = driver.collect(constant, jnp.float32(1.0), 20)
    rewards = np.asarray(unroll.reward)
    assert len(np.unique(rewards)) == 7 * N, "of 3 steps each"
    driver.reset(1)
    driver.restore(saved)
    again, _ = driver.collect(constant, jnp.float32(1.0), 20)
    np.testing.assert_array_equal(again.reward, rewards)


def test_unrolls_stay_on_the_device_and_compile_once(driver, constant):
    driver.reset(0)
    for value in (0.25, 1.0):
        unroll, report = driver.collect(constant, jnp.float32(value), 20)
        assert all(isinstance(part, jax.Array) for part in jax.tree.leaves(unroll))
    assert driver._program.collect._cache_size() == 1
    assert report.count == 20 // 3 * N
    driver.step(np.ones((N, 1)))
    driver.reset(1)
    driver.step(np.ones((N, 1)))
    assert driver._program.step._cache_size() == 1


def test_results_of_a_step_belong_to_the_caller(driver):
    driver.reset(0)
    step = driver.step(np.zeros((N, 1)))
    saved = driver.state()["jax/observation"].copy()
    step.observation[:] = 7.0
    np.testing.assert_array_equal(driver.state()["jax/observation"], saved)


def test_large_steps_and_seeds(driver):
    """Steps are counted in uint32, which 4 billion control steps fill."""
    driver.reset(2**31 - 1)
    arrays = driver.state()
    driver.restore({**arrays, "time": np.int64(2**32 - 2)})
    first = driver.step(np.full((N, 1), 3.0)).observation
    driver.restore({**arrays, "time": np.int64(2**31)})
    assert (driver.step(np.full((N, 1), 3.0)).observation[:, 1] != first[:, 1]).all()
