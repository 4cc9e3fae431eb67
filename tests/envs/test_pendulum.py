"""Equality with dm_control's pendulum swing-up, step by step."""

import jax
import numpy as np
import pytest
from envs.stepping import Single

from rlctl.envs.pendulum.config import PendulumConfig
from rlctl.envs.pendulum.env import Pendulum

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def dm_control():
    from dm_control import suite

    return suite.load("pendulum", "swingup", task_kwargs={"random": 0})


def test_dynamics_fields_equal_dm_control(dm_control):
    ours, theirs = Pendulum().model(), dm_control.physics.model
    assert (ours.nq, ours.nv, ours.nu, ours.nbody) == (1, 1, 1, 2)
    assert ours.opt.timestep == theirs.opt.timestep == 0.02
    assert ours.opt.integrator == theirs.opt.integrator
    assert ours.opt.disableflags == theirs.opt.disableflags
    np.testing.assert_array_equal(ours.opt.gravity, theirs.opt.gravity)
    for field in (
        *("body_mass", "body_inertia", "body_ipos", "body_pos", "jnt_axis", "dof_damping"),
        *("dof_armature", "dof_frictionloss", "actuator_gear", "actuator_ctrlrange"),
        *("actuator_gainprm", "actuator_biasprm"),
    ):
        np.testing.assert_array_equal(getattr(ours, field), getattr(theirs, field), field)


def test_1000_steps_equal_dm_control(dm_control, rng):
    first = dm_control.reset()
    state = dm_control.physics.data.qpos.copy(), dm_control.physics.data.qvel.copy()
    single = Single(Pendulum())
    assert_observation(single.reset(KEY, state), first)

    rewarded = 0
    for step in range(1000):
        # First push along with the swing to get it up, then anything, out of bounds too.
        action = np.sign(single.data.qvel) if step < 500 else rng.uniform(-1.5, 1.5, 1)
        action = action.astype(np.float32)
        expected = dm_control.step(action)
        observation, reward, terminated, metrics = single.step(action)
        np.testing.assert_array_equal(single.data.qpos, dm_control.physics.data.qpos)
        assert_observation(observation, expected)
        assert reward == expected.reward == metrics["upright"]
        assert not terminated
        rewarded += reward
    assert expected.last(), "dm_control's episode is as long as ours"
    assert Pendulum.spec.episode_length == 1000
    assert 0 < rewarded < 1000


def test_start_angles_are_uniform_on_the_circle():
    angles, velocities, _ = jax.vmap(Pendulum().initial)(jax.random.split(KEY, 4000))
    assert float(abs(angles).max()) <= np.pi
    assert not velocities.any()
    counts, _ = np.histogram(angles, bins=8, range=(-np.pi, np.pi))
    assert counts.min() > 400, "about 500 in each eighth"


def test_settings_are_used():
    env = Pendulum(PendulumConfig(start_angle=0.0, upright_angle=60.0))
    single = Single(env)
    np.testing.assert_allclose(single.reset(KEY), [1, 0, 0])
    for each, reward in ((single, 1), (Single(Pendulum()), 0)):
        each.reset(KEY, ([0.9], [0.0]))  # 52 degrees
        assert each.step([0.0])[1] == reward


def assert_observation(ours, theirs):
    expected = np.concatenate([theirs.observation["orientation"], theirs.observation["velocity"]])
    np.testing.assert_allclose(ours, expected, atol=1e-5)  # float32 after 30 turns
