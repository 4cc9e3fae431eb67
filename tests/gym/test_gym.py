"""Environments of the catalog through the Gymnasium API."""

import os
import subprocess
import sys

import gymnasium
import jax
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import rlctl.gym  # noqa: F401  registers
from rlctl import catalog
from rlctl.core.errors import RendererMissing, UsageError
from rlctl.gym.ids import id_of
from rlctl.rendering import gl

QUICK = ("inverted-pendulum", "pendulum")  # the others take their time to compile
SLOW = sorted({row.name for row in catalog.ENVS} - set(QUICK))


@pytest.fixture
def mode():
    """Return the render mode; None on a machine without OpenGL."""
    try:
        gl.find()
    except RendererMissing:
        return None
    return "rgb_array"


def test_ids():
    assert id_of("half-cheetah") == "rlctl/HalfCheetah-v0"
    assert id_of("walker2d") == "rlctl/Walker2d-v0"
    assert {id_of(name) for name in catalog.envs()} <= set(gymnasium.registry)


def test_nothing_heavy_is_loaded_to_register():
    code = (
        "import sys, rlctl.gym, gymnasium; gymnasium.spec('rlctl/Pendulum-v0');"
        "assert not {'jax', 'mujoco', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_module_in_an_id_is_enough():
    code = (
        "import gymnasium; env = gymnasium.make('rlctl.gym:rlctl/Pendulum-v0');"
        "assert env.spec.id == 'rlctl/Pendulum-v0'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
)
@pytest.mark.filterwarnings("ignore:.*(infinity|symmetric and normalized).*:UserWarning")
def test_gymnasiums_checker_passes(name, mode):
    env = gymnasium.make(id_of(name), render_mode=mode, size=(64, 48))
    check_env(env.unwrapped)
    env.close()


@pytest.fixture(scope="module")
def pendulum():
    with gymnasium.make("rlctl/Pendulum-v0", episode_length=4, start_angle=1.0) as env:
        yield env


def test_one_environment(pendulum):
    first, info = pendulum.reset(seed=5)
    assert info == {}
    assert first[0] > np.cos(1.0) - 1e-6, "settings reach the environment"
    again, _ = pendulum.reset(seed=5)
    other, _ = pendulum.reset()
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    ended = [pendulum.step(np.zeros(1, np.float32))[2:4] for _ in range(4)]
    assert ended == [(False, False)] * 3 + [(False, True)]


def test_the_last_observation_is_of_the_ended_episode(pendulum):
    pendulum.reset(seed=0)
    steps = [pendulum.step(np.ones(1, np.float32)) for _ in range(4)]
    positions = np.array([np.arctan2(*step[0][1::-1]) for step in steps])
    assert (abs(np.diff(positions)) < 0.2).all(), "no jump to the next first state"
    assert set(steps[0][4]) == {"upright"}


@pytest.fixture(scope="module")
def batch():
    batch = gymnasium.make_vec("rlctl/Pendulum-v0", num_envs=3, max_episode_steps=4)
    yield batch
    batch.close()


class TestBatches:
    def test_is_one_batch(self, batch):
        assert type(batch.unwrapped).__name__ == "BatchEnv"
        assert batch.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
        assert batch.observation_space.shape == (3, 3)
        assert batch.action_space.shape == (3, 1)

    def test_resets_in_the_same_step(self, batch):
        batch.action_space.seed(0)
        observation, _ = batch.reset(seed=1)
        assert batch.observation_space.contains(observation)
        for t in range(5):
            last = observation
            observation, reward, terminated, truncated, infos = batch.step(
                batch.action_space.sample()
            )
            assert reward.shape == infos["upright"].shape == (3,)
            assert not terminated.any()
            assert truncated.all() == (t == 3) == ("final_obs" in infos)
            if t == 3:
                final = np.stack(infos["final_obs"])
                assert infos["_final_obs"].all()
                assert (abs(final[:, :2] - last[:, :2]) < 0.3).all()
                assert (abs(final[:, :2] - observation[:, :2]) > 1e-3).any(axis=1).all()

    def test_seeds_decide(self, batch):
        first, again, other = (batch.reset(seed=seed)[0] for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert (first != other).any(axis=1).all()
        assert len(np.unique(first, axis=0)) == 3


FORKED = """
import gymnasium, multiprocessing, sys
env = gymnasium.make("rlctl.gym:rlctl/InvertedPendulum-v0")

def use(how):
    try:
        env.reset(seed=0) if how == "reset" else gymnasium.make("rlctl/InvertedPendulum-v0")
    except Exception as error:
        print(how, type(error).__name__, error)

for how in ("reset", "make"):
    process = multiprocessing.get_context("fork").Process(target=use, args=(how,))
    process.start()
    process.join(20)
    if process.is_alive():
        process.kill()
        print(how, "hangs")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_fails_with_a_clear_error():
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True)
    first, second = done.stdout.splitlines()
    assert "UsageError rlctl/InvertedPendulum-v0 cannot run in a forked process" in first
    assert first.startswith("reset")
    assert second.removeprefix("make") == first.removeprefix("reset")
    assert 'context="spawn"' in first


UNCLOSED = """
import gymnasium
import jax
env = gymnasium.make("rlctl.gym:rlctl/Pendulum-v0", render_mode="rgb_array", size=(64, 48))
env.reset(seed=0)
print(env.render().shape)
"""


def test_an_environment_need_not_be_closed(mode):
    if mode is None:
        pytest.skip("no OpenGL platform")
    done = subprocess.run([sys.executable, "-c", UNCLOSED], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "(48, 64, 3)\n")
    assert "Exception ignored" not in done.stderr


def test_images_of_two_environments_alternately(mode):
    if mode is None:
        pytest.skip("no OpenGL platform")
    options = {"render_mode": mode, "size": (64, 48)}
    with (
        gymnasium.make("rlctl/Pendulum-v0", **options) as one,
        gymnasium.make("rlctl/InvertedPendulum-v0", **options) as other,
    ):
        one.reset(seed=0)
        other.reset(seed=0)
        one.render()  # the first picture of a canvas has other edges in software
        first = one.render()
        other.render()
        np.testing.assert_array_equal(one.render(), first)
        second = other.render()
        one.close()
        np.testing.assert_array_equal(other.render(), second)


def test_images(mode):
    if mode is None:
        pytest.skip("no OpenGL platform")
    options = {"render_mode": mode, "size": (64, 48)}
    with gymnasium.make("rlctl/Pendulum-v0", **options) as env:
        env.reset(seed=0)
        assert env.metadata["render_fps"] == 50
        picture = env.render()
        assert (picture.shape, picture.dtype) == ((48, 64, 3), np.uint8)
    batch = gymnasium.make_vec("rlctl/Pendulum-v0", num_envs=2, **options)
    batch.reset(seed=0)
    one, other = batch.render()
    assert (one != other).any()
    batch.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start_angel": 1}, "keyword arguments: env.start_angel: there is no such setting"),
        ({"size": (63, 48)}, "a size of 63x48 cannot be encoded"),
        ({"physics": "brax"}, "does not run on brax physics"),
    ],
)
def test_invalid_arguments(options, message):
    with pytest.raises(UsageError, match=message):
        gymnasium.make("rlctl/Pendulum-v0", **options)


FIRST = (
    "import gymnasium, rlctl.gym; env = gymnasium.make('rlctl/InvertedPendulum-v0'); "
    "print(env.reset(seed=3)[0].tolist())"
)


def test_the_seed_decides_whatever_variables_are_set():
    others = {"JAX_ENABLE_X64": "1", "JAX_DEFAULT_PRNG_IMPL": "rbg"}
    outs = [
        subprocess.run(
            [sys.executable, "-c", FIRST],
            env=os.environ | variables,
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        ).stdout
        for variables in ({}, others)
    ]
    assert outs[0] == outs[1] != ""


@pytest.mark.parametrize(
    ("option", "value"), [("jax_enable_x64", True), ("jax_default_prng_impl", "rbg")]
)
def test_another_precision_in_the_same_process_is_refused(option, value):
    before = getattr(jax.config, option)
    jax.config.update(option, value)
    try:
        with pytest.raises(UsageError, match=f"{option} is {value}"):
            gymnasium.make("rlctl/InvertedPendulum-v0")
    finally:
        jax.config.update(option, before)
