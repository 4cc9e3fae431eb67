"""Contract of every environment of the catalog, on every back end."""

import functools
import logging

import jax
import mujoco
import numpy as np
import pytest

from rlctl import catalog
from rlctl.physics.base import Physics
from rlctl.physics.precision import source_field
from rlctl.rollouts.factory import make_driver

NUM_ENVS = 4
EPISODE_LENGTH = 20  # control steps, so that tests see resets
SHORT = {"inverted-double-pendulum": 4}  # it falls at once
# Each row's largest difference between back ends of a number observed over so many control steps:
# rounding (native is float64, MJX float32), which contacts magnify. See docs/environments.md.
AGREEMENT = {
    "ant": (1e-4, 1),  # then feet touch the ground
    "barkour": (1e-2, 19),
    "half-cheetah": (1e-3, 19),
    "hopper": (1e-4, 19),
    "humanoid": (1e-3, 19),
    "inverted-double-pendulum": (1e-5, 19),
    "inverted-pendulum": (1e-5, 19),
    "pendulum": (1e-5, 19),
    "pusher": (1e-4, 19),
    "reacher": (1e-5, 19),
    "swimmer": (1e-5, 19),
    "walker2d": (1e-4, 19),
}
NAMES = tuple(AGREEMENT)
QUICK = ("barkour", "inverted-pendulum", "pendulum")  # MJX takes most of a minute for the others
# Components of the observation that hardly change: masses, the goal, the force of the rail's end.
STILL = {"humanoid": 13, "inverted-double-pendulum": 1, "pusher": 4}

foreign = pytest.mark.foreign
on_mjx = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in NAMES]
each_env = pytest.mark.parametrize("name", NAMES)
each_back_end = pytest.mark.parametrize(
    ("name", "physics"),
    [(name, "native") for name in NAMES]
    + [pytest.param(*x.values, "jax", marks=(foreign, *x.marks)) for x in on_mjx],
)


def test_every_built_in_row_is_here():
    assert sorted(row.name for row in catalog.ENVS) == sorted(NAMES)
    assert len(NAMES) == 12
    for row in catalog.ENVS:
        assert {"native", "jax"} <= set(row.physics)


@functools.cache
def environment(name):
    return catalog.load(catalog.env(name).target)()


def test_a_mirror_image_of_the_mirror_image_is_the_original():
    specs = [spec for name in NAMES if (spec := environment(name).spec).symmetry]
    assert {spec.id for spec in specs} == {"barkour", "pendulum"}
    for spec in specs:
        for size, order, sign in (
            (
                spec.observation_size,
                spec.symmetry.observation_order,
                spec.symmetry.observation_sign,
            ),
            (spec.action_size, spec.symmetry.action_order, spec.symmetry.action_sign),
        ):
            vector = np.arange(1.0, size + 1)
            image = vector[list(order)] * np.array(sign)
            assert (image != vector).any()
            np.testing.assert_array_equal(image[list(order)] * np.array(sign), vector)


@functools.cache
def driver(name, physics):
    config = catalog.load(catalog.env(name).config)()
    return make_driver(name, config, physics, NUM_ENVS, episode_length=episode_length(name))


def episode_length(name):
    return SHORT.get(name, EPISODE_LENGTH)


def random_actions(spec, steps, seed=0):
    low, high = (np.array([getattr(part, end) for part in spec.action]) for end in ("low", "high"))
    rng = np.random.default_rng(seed)
    return rng.uniform(low, high, (steps, NUM_ENVS, spec.action_size)).astype(np.float32)


def play(driver, actions, seed=0):
    """Return observations (T + 1, N, O) and the Steps."""
    observations, steps = [driver.reset(seed)], []
    for action in actions:
        steps.append(driver.step(action))
        observations.append(steps[-1].observation)
    return np.stack(observations), steps


@each_back_end
def test_commands_are_observed_once_set(name, physics):
    spec = environment(name).spec
    assert len(spec.achieved) in (0, len(spec.commands))
    assert all(spec.policy_size <= i < spec.observation_size for i in spec.achieved)
    if not spec.commands:
        return
    low, high = environment(name).command_low, environment(name).command_high
    idle = np.zeros((NUM_ENVS, spec.action_size), np.float32)
    batch, observations = driver(name, physics), []
    for command in (np.linspace(low, high, NUM_ENVS), np.linspace(high, low, NUM_ENVS)):
        batch.reset(0)
        sampled = batch.command()
        assert ((low <= sampled) & (sampled <= high)).all()
        batch.set_command(command)
        batch.step(idle)
        np.testing.assert_allclose(batch.command(), command, rtol=1e-6)
        observations.append(batch.observation)
    assert (observations[0] != observations[1]).any(axis=1).all()


@each_env
def test_spec_is_true(name):
    row, env = catalog.env(name), environment(name)
    spec, model, scene = env.spec, env.model(), env.scene()
    assert spec.id == name
    assert spec.observation_size == row.observation
    assert spec.action_size == row.action == model.nu
    assert 1 / spec.control_dt == pytest.approx(row.rate)
    assert spec.control_dt == pytest.approx(spec.substeps * model.opt.timestep)
    assert spec.episode_length > 0
    assert all(part.low < part.high for part in spec.action)
    assert len({part.name for part in spec.observation}) == len(spec.observation)
    assert (scene.nq, scene.nv, scene.nu) == (model.nq, model.nv, model.nu)
    for camera in spec.cameras:
        assert mujoco.mj_name2id(scene, mujoco.mjtObj.mjOBJ_CAMERA, camera) >= 0


@each_env
def test_functions_keep_shapes_and_types(name):
    env = environment(name)
    spec, model = env.spec, env.model()
    data, key = mujoco.MjData(model), jax.random.key(0)
    physics = Physics(
        {f: np.zeros_like(getattr(data, source_field(f)), np.float32) for f in env.fields}
    )
    action = np.zeros(spec.action_size, np.float32)

    qpos, qvel, drawn = jax.eval_shape(env.initial, key)
    assert shapes([qpos, qvel]) == [(model.nq,), (model.nv,)]
    carry, observation = jax.eval_shape(env.begin, physics, drawn, key)
    edits, ctrl = jax.eval_shape(env.before, carry, physics, action, key)
    after, again, reward, terminated, metrics = jax.eval_shape(
        env.after, carry, physics, action, key
    )
    assert jax.tree.structure(carry) == jax.tree.structure(after)
    assert facts(carry) == facts(after), "shapes, dtypes and weak types of what is remembered"
    assert facts(observation) == facts(again)
    assert shapes([observation, ctrl]) == [(spec.observation_size,), (model.nu,)]
    assert shapes([reward, terminated, *metrics.values()]) == [()] * (2 + len(metrics))
    assert set(metrics) == set(spec.metrics)
    assert shapes(edits) == [getattr(data, field).shape for field in sorted(edits)]
    assert shapes(jax.eval_shape(env.command, carry)) == [(len(spec.commands),)]
    randomized = jax.eval_shape(lambda key: env.randomize(key, model), key)
    assert shapes(randomized) == [getattr(model, field).shape for field in sorted(randomized)]
    every = (qpos, qvel, drawn, carry, observation, edits, ctrl, reward, terminated, metrics)
    every += (randomized,)
    assert {leaf.dtype for leaf in jax.tree.leaves(every)} == {np.dtype(np.float32)}


def shapes(tree):
    return [leaf.shape for leaf in jax.tree.leaves(tree)]


def facts(tree):
    return [(leaf.shape, leaf.dtype, leaf.weak_type) for leaf in jax.tree.leaves(tree)]


@each_back_end
def test_seed_decides(name, physics):
    batch = driver(name, physics)
    actions = random_actions(batch.spec, 20)
    first, steps = play(batch, actions, seed=1)
    again, steps_again = play(batch, actions, seed=1)
    other, _ = play(batch, actions, seed=2)
    np.testing.assert_array_equal(first, again)
    for step, same in zip(steps, steps_again, strict=True):
        jax.tree.map(np.testing.assert_array_equal, step, same)
    assert (first != other).any(axis=(1, 2)).all(), "from the first observation on"
    for i in range(1, NUM_ENVS):
        assert (first[:, 0] != first[:, i]).any(), "environments differ from each other"


@each_back_end
def test_steps_are_finite_alive_and_well_formed(name, physics):
    batch = driver(name, physics)
    spec, actions = batch.spec, random_actions(batch.spec, 2 * EPISODE_LENGTH + 1)
    observations, steps = play(batch, actions)
    assert observations.shape == (len(actions) + 1, NUM_ENVS, spec.observation_size)
    assert observations.dtype == np.float32
    assert np.isfinite(observations).all()
    still = (observations.std(axis=0) == 0).all(axis=0).sum()
    assert still <= STILL.get(name, 0.01 * spec.observation_size), "hardly a number stands still"
    for step in steps:
        assert set(step.metrics) == set(spec.metrics)
        floats = (step.reward, *step.metrics.values())
        assert {(x.shape, x.dtype.name) for x in floats} == {((NUM_ENVS,), "float32")}
        assert all(np.isfinite(x).all() for x in floats)
        assert step.terminated.dtype == step.truncated.dtype == bool
        assert not (step.terminated & step.truncated).any()
        running = ~(step.terminated | step.truncated)
        np.testing.assert_array_equal(step.observation[running], step.final_observation[running])
    assert any(step.truncated.any() or step.terminated.any() for step in steps)


@each_back_end
def test_time_limit_truncates_and_starts_afresh(name, physics):
    batch = driver(name, physics)
    actions = 0.0 * random_actions(batch.spec, episode_length(name))
    _, steps = play(batch, actions)
    assert not any(step.truncated.any() for step in steps[:-1])
    ended = ~np.any([step.terminated for step in steps], axis=0)
    assert ended.any(), "nothing falls in so short a time"
    np.testing.assert_array_equal(steps[-1].truncated, ended)
    last = steps[-1]
    assert (last.observation[ended] != last.final_observation[ended]).any(axis=1).all()


@each_back_end
def test_actions_matter(name, physics):
    batch = driver(name, physics)
    actions = random_actions(batch.spec, 5)
    seen = []
    for sign in (1, -1):
        _, steps = play(batch, sign * actions)
        seen.append(np.stack([step.final_observation for step in steps]))
    assert (abs(seen[0] - seen[1]).max(axis=(0, 2)) > 1e-3).all()


@each_back_end
def test_nothing_is_compiled_twice(name, physics, caplog):
    batch = driver(name, physics)
    actions = random_actions(batch.spec, EPISODE_LENGTH + 1)
    play(batch, actions)  # all there is to compile, resets included
    batch.reset(5)
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        for action in actions:
            batch.step(action)
    assert not [record for record in caplog.records if "Compiling" in record.getMessage()]


@foreign
@pytest.mark.parametrize("name", on_mjx)
def test_back_ends_agree(name):
    tolerance, horizon = AGREEMENT[name]
    batches = [driver(name, physics) for physics in ("native", "jax")]
    actions = 0.3 * random_actions(batches[0].spec, horizon)
    (native, steps), (other, other_steps) = (play(batch, actions, seed=3) for batch in batches)
    spec = batches[0].spec
    exact = [1.0 / (10.0 if part.privileged else 1.0) for part in spec.observation]
    weight = np.repeat(exact, [part.size for part in spec.observation])  # velocities differ most
    native, other = native * weight, other * weight
    np.testing.assert_allclose(native[0], other[0], rtol=1e-6, atol=1e-6)  # MJX has float32
    assert abs(native - native[0]).max() > 20 * tolerance, "something moved"
    np.testing.assert_allclose(native, other, atol=tolerance)
    for step, same in zip(steps, other_steps, strict=True):
        np.testing.assert_array_equal(step.terminated, same.terminated)
        np.testing.assert_allclose(step.reward, same.reward, atol=tolerance)
    for metric in spec.eval_metrics:
        assert total(steps, metric.numerator) > 0
        for name in filter(None, (metric.numerator, metric.denominator)):
            assert total(other_steps, name) == pytest.approx(total(steps, name), rel=1e-2), name


def total(steps, name):
    return sum(float(step.metrics[name].sum()) for step in steps)
