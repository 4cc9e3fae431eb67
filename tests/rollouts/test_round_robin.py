"""Groups of environments that collect in turn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rollouts.drivers import make

from rlctl.rollouts.native_driver import NativeDriver
from rlctl.rollouts.round_robin import RoundRobinDriver

GAIN = jnp.float32(2.0)


@pytest.fixture
def turns():
    """Driver with two groups of three environments and turns of 20 steps; `make` has all six."""
    program = make("native")._program
    return RoundRobinDriver([NativeDriver(program, 3, True, "stop", first) for first in (0, 3)], 20)


def test_it_steps_the_environments_of_one_driver(turns, rng):
    whole = make("native")
    np.testing.assert_array_equal(whole.reset(3), turns.reset(3))
    for action in rng.uniform(-1, 1, (30, 6, 1)):
        a, b = whole.step(action), turns.step(action)
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=1e-6), a, b)
    np.testing.assert_allclose(whole.qpos(), turns.qpos(), atol=1e-6)
    np.testing.assert_array_equal(whole.command(), turns.command())


def test_a_turn_lasts_its_number_of_steps(turns, actor):
    whole = make("native")
    whole.reset(3)
    unroll, _ = whole.collect(actor, GAIN, 40)
    turns.reset(3)
    reward = np.concatenate([turns.collect(actor, GAIN, 10)[0].reward for _ in range(6)])
    first, second = slice(0, 3), slice(3, 6)
    np.testing.assert_allclose(reward[:20], unroll.reward[:20, first], atol=1e-5)
    np.testing.assert_allclose(reward[20:40], unroll.reward[:20, second], atol=1e-5)
    np.testing.assert_allclose(reward[40:], unroll.reward[20:, first], atol=1e-5)


def test_restore_continues_the_turn(turns, actor):
    turns.reset(1)
    turns.collect(actor, GAIN, 10)
    saved = {name: array.copy() for name, array in turns.state().items()}
    expected = [turns.collect(actor, GAIN, 10)[0] for _ in range(2)]
    turns.reset(2)
    turns.restore(saved)
    for unroll in expected:
        np.testing.assert_array_equal(unroll.reward, turns.collect(actor, GAIN, 10)[0].reward)
