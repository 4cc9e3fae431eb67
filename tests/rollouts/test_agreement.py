"""Agreement of NativeDriver (native physics, float64) and JaxDriver (MJX, float32)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rollouts.drivers import make
from rollouts.slider import Slider

from rlctl.envs.gymnasium_tasks.inverted_pendulum import InvertedPendulum
from rlctl.envs.pendulum.env import Pendulum
from rlctl.rollouts.arrays import named

pytestmark = pytest.mark.foreign
STEPS = 50  # over several episodes
TOLERANCE = 2e-5  # of anything observed, rounding


@pytest.mark.parametrize("env", [Slider, Pendulum, InvertedPendulum])
def test_steps_agree(env, rng):
    native, mjx = make("native", env=env), make("jax", env=env)
    low, high = ([getattr(part, end) for part in env.spec.action] for end in ("low", "high"))
    np.testing.assert_allclose(native.reset(3), mjx.reset(3), atol=TOLERANCE)
    ended = 0
    for t, action in enumerate(rng.uniform(low, high, (STEPS, 6, len(low)))):
        expected, step = native.step(action), mjx.step(action)
        for name in ("observation", "final_observation", "reward"):
            a, b = getattr(expected, name), getattr(step, name)
            np.testing.assert_allclose(a, b, atol=TOLERANCE, err_msg=f"{name} of step {t}")
        np.testing.assert_array_equal(expected.terminated, step.terminated)
        np.testing.assert_array_equal(expected.truncated, step.truncated)
        assert expected.metrics.keys() == step.metrics.keys()
        for name, term in expected.metrics.items():
            np.testing.assert_allclose(term, step.metrics[name], atol=TOLERANCE, err_msg=name)
        np.testing.assert_allclose(native.qpos(), mjx.qpos(), atol=TOLERANCE)
        np.testing.assert_allclose(native.command(), mjx.command(), atol=TOLERANCE)
        ended += (step.terminated | step.truncated).sum()
    assert ended >= 2 * 6


def test_unrolls_agree(actor):
    native, mjx = make("native"), make("jax")
    native.reset(9)
    mjx.reset(9)
    gain = jnp.float32(1.0)
    (expected, sums), (unroll, same_sums) = (d.collect(actor, gain, 45) for d in (native, mjx))
    assert jax.tree.structure(unroll) == jax.tree.structure(expected)
    for name, a in named(expected).items():
        b = named(unroll)[name]
        assert a.shape == b.shape, name
        assert a.dtype == b.dtype == np.float32, name
        np.testing.assert_allclose(a, b, atol=1e-4, err_msg=name)
    assert sums.count == same_sums.count > 6
    assert sums.lengths == same_sums.lengths
    assert sums.returns == pytest.approx(same_sums.returns, abs=1e-3)


@pytest.mark.parametrize("resample", [False, True])
def test_randomised_models_are_the_same(resample):
    drivers = [make(kind, resample=resample) for kind in ("native", "jax")]
    for driver in drivers:
        driver.reset(1)
    a, b = (driver.state()["draws/dof_damping"] for driver in drivers)
    np.testing.assert_array_equal(a, b)
    for driver in drivers:
        for _ in range(45):
            driver.step(np.full((6, 1), 0.5))
    a, b = (driver.state()["draws/dof_damping"] for driver in drivers)
    np.testing.assert_allclose(a, b, rtol=1e-6, err_msg="of a later episode")
