"""Equality of the classic tasks with Gymnasium's v5: model, states, observations, rewards."""

import gymnasium
import jax
import mujoco
import numpy as np
import pytest

from rlctl import catalog
from rlctl.physics.base import Physics
from rlctl.physics.precision import source_field, to_float32
from rlctl.rollouts.factory import make_driver

WITHOUT_CONTACT_FORCES = {"include_cfrc_ext_in_observation": False, "contact_cost_weight": 0}
PEERS = {
    "ant": ("Ant-v5", WITHOUT_CONTACT_FORCES),
    "half-cheetah": ("HalfCheetah-v5", {}),
    "hopper": ("Hopper-v5", {}),
    "humanoid": ("Humanoid-v5", WITHOUT_CONTACT_FORCES),
    "inverted-double-pendulum": ("InvertedDoublePendulum-v5", {}),
    "inverted-pendulum": ("InvertedPendulum-v5", {}),
    "pusher": ("Pusher-v5", {}),
    "reacher": ("Reacher-v5", {}),
    "swimmer": ("Swimmer-v5", {}),
    "walker2d": ("Walker2d-v5", {}),
}
# The only differences there are. Sine and cosine of an angle rounded to float32:
OBSERVATION = {"inverted-double-pendulum": 1.2e-7, "reacher": 5e-7}
REWARD = 2e-6  # float32 against float64, of rewards up to 10
COST = 3e-7  # both sides sum the control cost in float32, in another order

each_task = pytest.mark.parametrize("name", PEERS)


@pytest.fixture
def peer(name):
    mujoco.set_mju_user_warning(lambda message: None)  # the half-cheetah's MJCF causes one
    made = gymnasium.make(PEERS[name][0], disable_env_checker=True, **PEERS[name][1])
    yield made.unwrapped
    made.close()


def environment(name):
    return catalog.load(catalog.env(name).target)()


def start(peer, driver):
    """Set the peer to the driver's initial state; return its observation."""
    mujoco.mj_resetData(peer.model, peer.data)
    state = driver.state()
    peer.set_state(driver.qpos()[0], velocity(peer, state["physics"][0]))
    return peer._get_obs()


def velocity(peer, state):
    scratch = mujoco.MjData(peer.model)
    mujoco.mj_setState(peer.model, scratch, state, mujoco.mjtState.mjSTATE_INTEGRATION)
    return scratch.qvel


def actions(peer, rng, count):
    """Sample small and large actions by turns: episodes of many lengths and kinds of end."""
    low, high = peer.action_space.low, peer.action_space.high
    scale = np.where(np.arange(count) // 50 % 2, 1.0, 0.1)[:, None]
    return (scale * rng.uniform(low, high, (count, len(low)))).astype(np.float32)


@each_task
def test_spec_is_gymnasiums(name, peer):
    spec = environment(name).spec
    assert spec.id == name
    assert spec.episode_length == gymnasium.spec(PEERS[name][0]).max_episode_steps
    assert spec.control_dt == peer.dt
    assert spec.substeps == peer.frame_skip
    bounds = np.float32([(part.low, part.high) for part in spec.action]).T
    np.testing.assert_array_equal(bounds, [peer.action_space.low, peer.action_space.high])
    assert (spec.observation_size,) == peer.observation_space.shape


@each_task
def test_first_states_are_gymnasiums(name, peer):
    """Over 800 samples each component has the same mean, standard deviation and kurtosis."""
    draw = jax.jit(jax.vmap(environment(name).initial))
    ours = np.concatenate(draw(jax.random.split(jax.random.key(1), 800))[:2], axis=1)
    theirs = []
    peer.reset(seed=1)
    for _ in range(800):
        peer.reset_model()
        theirs.append(peer.state_vector())
    for statistic, tolerance in ((np.mean, 0.3), (np.std, 0.2), (fourth_moment, 0.9)):
        spread = np.std(theirs, axis=0)
        difference = abs(statistic(ours, axis=0) - statistic(np.array(theirs), axis=0))
        assert (difference <= tolerance * spread + 1e-6).all(), statistic


def fourth_moment(x, axis):
    """Return the kurtosis: 3 of a normal distribution, 1.8 of a uniform one."""
    deviation = np.std(x, axis=axis)
    return ((x - x.mean(axis=axis)) ** 4).mean(axis=axis) / np.maximum(deviation, 1e-9) ** 3


@each_task
def test_steps_equal_gymnasium(name, peer, rng):
    """Compare whole episodes of the driver: states are equal bit for bit."""
    config = catalog.load(catalog.env(name).config)()
    limit, episodes, length = environment(name).spec.episode_length, 0, 0
    ours, theirs = [], []  # observation, qpos, reward, terms, ended
    with make_driver(name, config, "native", 1) as driver:
        first, expected = driver.reset(0), start(peer, driver)
        np.testing.assert_allclose(first[0], expected, atol=6e-8, rtol=6e-8)
        for action in actions(peer, rng, limit + 30):
            step, length = driver.step(action[None]), length + 1
            expected, reward, terminated, _, info = peer.step(action)
            truncated = length == limit and not terminated
            terms = [info.get(term, info.get(f"reward_{term}")) for term in step.metrics]
            ended, ends = (step.terminated[0], step.truncated[0]), (terminated, truncated)
            theirs.append((expected, peer.data.qpos.copy(), reward, terms, ends))
            if any(ends):  # the driver is at its next episode's start already
                episodes, length, expected = episodes + 1, 0, start(peer, driver)
                np.testing.assert_allclose(step.observation[0], expected, atol=6e-8, rtol=6e-8)
            qpos = theirs[-1][1] if any(ends) else driver.qpos()[0].copy()
            values = [value[0] for value in step.metrics.values()]
            ours.append((step.final_observation[0], qpos, step.reward[0], values, ended))
    assert episodes >= 1
    observations, positions, rewards, terms, ends = map(np.array, zip(*ours, strict=True))
    expected, qpos, reward, term, end = map(np.array, zip(*theirs, strict=True))
    np.testing.assert_array_equal(ends, end)
    np.testing.assert_array_equal(positions, qpos)
    np.testing.assert_allclose(
        observations, np.float32(expected), atol=OBSERVATION.get(name, 0), rtol=0
    )
    np.testing.assert_allclose(rewards, reward, atol=REWARD, rtol=0)
    np.testing.assert_allclose(terms, term, atol=REWARD, rtol=0)


@each_task
def test_formulas_are_gymnasiums(name, peer, rng):
    """On Gymnasium's own float64 data the observation is equal bit for bit."""
    env, key = environment(name), jax.random.key(0)

    def physics():
        known = {f: np.array(getattr(peer.data, source_field(f))) for f in env.fields}
        return Physics(
            {f: x if f == source_field(f) else np.zeros_like(x) for f, x in known.items()}
        )

    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        begin, after = jax.jit(env.begin), jax.jit(env.after)
        expected, _ = peer.reset(seed=0)
        carry, observation = begin(physics(), (), key)
        for action in actions(peer, rng, 100):
            np.testing.assert_allclose(observation, expected, atol=1e-15, rtol=0)
            expected, reward, terminated, _, _ = peer.step(action)
            carry, observation, ours, ended, _ = after(carry, physics(), action, key)
            assert float(ours) == pytest.approx(float(reward), abs=COST, rel=0)
            assert bool(ended) == bool(terminated)
            if terminated:
                expected, _ = peer.reset()
                carry, observation = begin(physics(), (), key)


def test_speed_is_as_exact_a_kilometre_out():
    """Test far from 0, where float32 positions are 6e-5 m apart: an error of 8 mm/s per step."""
    env, key = environment("hopper"), jax.random.key(0)

    def physics(x):
        qpos = np.array([x, 1.25, 0, 0, 0, 0])
        fields = {f: to_float32(f, qpos if "qpos" in f else np.zeros(6)) for f in env.fields}
        return Physics(fields)

    carry, _ = env.begin(physics(1000.0), (), key)
    metrics = env.after(carry, physics(1000.0 + 0.008 * 0.123), np.zeros(3, np.float32), key)[-1]
    assert float(metrics["forward"]) == pytest.approx(0.123, abs=1e-6)


@pytest.mark.parametrize("name", ["ant", "hopper", "humanoid", "walker2d"])
def test_an_unhealthy_robot_may_go_on(name):
    config = catalog.load(catalog.env(name).config)
    for ends in (True, False):
        env = catalog.load(catalog.env(name).target)(config(terminate_when_unhealthy=ends))
        data = mujoco.MjData(env.model())
        fields = {f: to_float32(f, getattr(data, source_field(f))) for f in env.fields}
        fields["qpos"][2] = fields["qpos"][1] = 9.0
        physics, key = Physics(fields), jax.random.key(0)
        carry, _ = env.begin(physics, (), key)
        action = np.zeros(env.spec.action_size, np.float32)
        _, _, _, terminated, metrics = env.after(carry, physics, action, key)
        assert (float(terminated), float(metrics["survive"])) == (float(ends), 0.0)
