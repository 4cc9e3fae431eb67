"""MJX reads, edits and randomises the same fields as native physics, or raises an error."""

import functools

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from rollouts.drivers import make
from rollouts.slider import MJCF, Slider

from rlctl.core.errors import UsageError
from rlctl.rollouts.mjx_simulation import MjxSimulation

pytestmark = pytest.mark.foreign


class Pushed(Slider):
    """Slider with forces on joint and body every other step, which reads derived fields."""

    fields = ("xmat", "sensordata", "qfrc_applied", "time")

    def before(self, carry, physics, action, key):
        on = jnp.where(carry.clock % 2 == 0, 1.0, 0.0)
        wrench = jnp.zeros((2, 6)).at[1, 0].set(3.0 * on)
        edits = {"qfrc_applied": 5.0 * on[None], "xfrc_applied": wrench, "qpos": 0.01 * action}
        return edits, action

    def _observe(self, memory, physics):
        seen = [physics.qpos, physics.qvel, physics.sensordata, physics.qfrc_applied]
        return jnp.concatenate([*seen, physics.xmat.ravel(), physics.time[None], memory.command])


def test_edits_and_derived_fields_are_those_of_native_physics(rng):
    native, mjx = make("native", 3, env=Pushed), make("jax", 3, env=Pushed)
    first = native.reset(0)
    assert first.shape == (3, 1 + 1 + 4 + 1 + 18 + 1 + 1)
    np.testing.assert_allclose(first, mjx.reset(0), atol=1e-6)
    for action in rng.uniform(-1, 1, (15, 3, 1)):
        expected, step = native.step(action), mjx.step(action)
        np.testing.assert_allclose(expected.final_observation, step.final_observation, atol=1e-5)
        np.testing.assert_allclose(expected.observation, step.observation, atol=1e-5)


def test_only_the_state_and_read_fields_are_kept():
    class Blind(Slider):
        fields = ()

    keys = jnp.zeros((2, 2), jnp.uint32)
    for env, read in ((Slider, {"qpos", "qvel", "xpos"}), (Blind, {"qpos", "qvel"})):
        simulation = MjxSimulation(env(), "jax")
        state, _ = jax.eval_shape(functools.partial(simulation.reset, model_fields={}), keys, keys)
        assert state.fields.keys() == read
        assert state.hidden.keys() == {"time", "qacc_warmstart"}


def test_a_missing_field_is_named():
    class Curious(Slider):
        fields = ("qpos", "qH")

    with pytest.raises(UsageError, match="slider reads qH, which jax physics does not provide"):
        MjxSimulation(Curious(), "jax")


def test_an_unsupported_model_is_named():
    class Old(Slider):
        def model(self):
            old = MJCF.replace('timestep="0.01"', 'timestep="0.01" integrator="implicit"')
            return mujoco.MjModel.from_xml_string(old)

    with pytest.raises(UsageError, match=r"slider does not run on jax physics: .*IMPL") as caught:
        MjxSimulation(Old(), "jax")
    assert "native" in caught.value.hint


def test_fields_with_dependent_constants_are_refused():
    class Heavy(Slider):
        def randomize(self, key, model):
            return {"body_mass": jax.random.uniform(key, (2,))}

    simulation = MjxSimulation(Heavy(), "jax")
    with pytest.raises(UsageError, match="slider randomises body_mass"):
        simulation.randomize(jnp.zeros((2, 2), jnp.uint32))


@pytest.mark.slow
def test_warp_agrees_with_native_physics(rng, capfd):
    """On the CPU, which takes Warp half a minute of compiling. Nothing is printed on stdout."""
    pytest.importorskip("warp")
    from rlctl.envs.pendulum.env import Pendulum
    from rlctl.rollouts.jax_driver import JaxDriver
    from rlctl.rollouts.jax_program import JaxProgram

    native = make("native", 3, env=Pendulum)
    simulation = MjxSimulation(Pendulum(), "warp")
    with JaxDriver(JaxProgram(simulation, 20), "warp", 3, True, "stop") as mjx:
        np.testing.assert_allclose(native.reset(0), mjx.reset(0), atol=1e-6)
        for action in rng.uniform(-1, 1, (30, 3, 1)):
            expected, step = native.step(action), mjx.step(action)
            np.testing.assert_allclose(expected.observation, step.observation, atol=2e-5)
            np.testing.assert_array_equal(expected.truncated, step.truncated)
    assert capfd.readouterr().out == ""


@pytest.mark.slow
@pytest.mark.parametrize("impl", ["jax", "warp"])
def test_contacts_and_randomised_models_agree(impl, rng):
    """Barkour lands on its feet: a few steps before rounding grows in the contacts."""
    pytest.importorskip("warp")
    from rlctl.envs.barkour.config import BarkourConfig
    from rlctl.rollouts.factory import make_driver

    native, mjx = (make_driver("barkour", BarkourConfig(), p, 4) for p in ("native", impl))
    np.testing.assert_allclose(native.reset(0), mjx.reset(0), atol=1e-6)
    for action in rng.uniform(-0.3, 0.3, (8, 4, 12)):
        expected, step = native.step(action), mjx.step(action)
        np.testing.assert_allclose(expected.observation, step.observation, atol=0.05)
        np.testing.assert_allclose(expected.reward, step.reward, atol=0.01)
    native.close()
