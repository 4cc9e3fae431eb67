"""Brax environments: names and settings; their physics is among the slow tests."""

import subprocess
import sys
from functools import partial

import jax
import numpy as np
import pytest

from rlctl import catalog
from rlctl.core.errors import UsageError
from rlctl.families.brax.config import BraxConfig, names

brax_own = [
    pytest.mark.slow,
    pytest.mark.foreign,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Brax reads mjx.Data's old names
    pytest.mark.filterwarnings("ignore:Brax System:UserWarning"),
]


def test_names_are_listed_without_brax():
    code = (
        "import sys; from rlctl import catalog; row = catalog.env('brax:ant');"
        "print(row.prefix, *sorted({'brax', 'jax', 'mujoco', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["brax"]


def test_the_defaults():
    config = BraxConfig()
    assert (config.backend, config.episode_length) == ("mjx", 1000)


class TestBrax:
    pytestmark = brax_own

    def test_every_environment_of_brax_is_listed(self):
        from brax.envs import _envs

        assert set(names()) == set(_envs) - {"fast"}
        assert len(names()) == 11

    @pytest.mark.parametrize("name", names())
    def test_specs(self, name):
        from rlctl.families.brax.simulation import make

        backend = "generalized" if name == "swimmer" else "mjx"
        simulation = make(name, BraxConfig(backend, episode_length=77))
        spec, scene = simulation.spec, simulation.scene()
        assert spec.id == f"brax:{name}"
        assert spec.episode_length == 77
        assert spec.action_size == scene.nu
        assert all((part.low, part.high) == (-1.0, 1.0) for part in spec.action)
        assert len({part.name for part in spec.action}) == spec.action_size
        assert spec.control_dt == pytest.approx(spec.substeps * scene.opt.timestep)
        model = simulation._env.sys.mj_model
        assert (scene.nq, scene.nv) == (model.nq, model.nv)
        np.testing.assert_array_equal(scene.jnt_type, model.jnt_type)
        assert set(spec.cameras) <= {scene.camera(i).name for i in range(scene.ncam)}
        if name == "ant":
            assert spec.observation_size == 27
            assert spec.action_size == 8
            assert spec.control_dt == pytest.approx(0.05)
            assert spec.terms[0].startswith("reward_")
            assert "x_velocity" in spec.terms

    def test_a_pipeline_it_does_not_run_on_is_named(self):
        from rlctl.families.brax.simulation import make

        with pytest.raises(UsageError, match="brax:swimmer does not run on Brax's mjx pipeline"):
            make("swimmer", BraxConfig())

    def test_it_is_brax_step_by_step(self, rng):
        """Compare until the first episode ends: then Brax continues and rlctl resets."""
        import jax
        from brax import envs

        from rlctl.rollouts.factory import make_driver
        from rlctl.rollouts.keys import INITIAL, environment_keys, step_keys

        raw = envs.get_environment("inverted_pendulum", backend="mjx")
        step = jax.jit(jax.vmap(raw.step))
        keys = environment_keys(0, np.arange(3, dtype=np.uint32))
        state = jax.jit(jax.vmap(raw.reset))(step_keys(keys, np.uint32(0), INITIAL))
        driver = make_driver("brax:inverted_pendulum", BraxConfig(), "jax", 3)
        np.testing.assert_allclose(driver.reset(0), state.obs, atol=1e-6)
        over = np.zeros(3, bool)
        for action in rng.uniform(-1, 1, (40, 3, 1)).astype(np.float32):
            state, ours = step(state, action), driver.step(action)
            np.testing.assert_allclose(ours.reward[~over], 1.0)
            same = (ours.final_observation[~over], np.asarray(state.obs)[~over])
            np.testing.assert_allclose(*same, rtol=1e-4, atol=1e-4)
            np.testing.assert_array_equal(ours.terminated[~over], np.asarray(state.done)[~over] > 0)
            over |= ours.terminated
            assert (np.abs(ours.observation[ours.terminated]) < 0.02).all()
            assert not ours.truncated.any()
        assert over.all()

    @pytest.mark.parametrize("backend", ["mjx", "spring"])
    def test_ant_runs_and_goes_on_after_a_restore(self, backend, rng, actor):
        from rlctl.rollouts.factory import make_driver

        driver = make_driver("brax:ant", BraxConfig(backend=backend), "jax", 4, episode_length=5)
        driver.reset(0)
        first = driver.qpos()
        saved = driver.state()
        a, report = driver.collect(actor, np.float32(1.0), 12)
        assert report.count == 8
        assert report.lengths == 40
        assert set(report.terms) == set(driver.spec.terms)
        assert np.isfinite(a.observation).all()
        assert np.ptp(np.asarray(a.observation), axis=0).max(axis=1).min() > 0.1
        np.testing.assert_array_equal(np.asarray(a.truncated).sum(axis=1).nonzero()[0], [4, 9])
        driver.restore(saved)
        np.testing.assert_array_equal(driver.qpos(), first)
        b, _ = driver.collect(actor, np.float32(1.0), 12)
        jax.tree.map(np.testing.assert_array_equal, a, b)
        assert driver.command().shape == (4, 0)


@pytest.fixture
def actor():
    """Policy with random actions."""
    import jax.numpy as jnp

    from rlctl.rollouts import noise
    from rlctl.rollouts.base import Actor, ActorStep

    def act(scale, observation, drawn):
        raw = scale * drawn
        return ActorStep(jnp.tanh(raw), raw)

    return Actor(act, lambda scale, observation: observation.sum(), partial(noise.normal, size=8))


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UsageError, match="brax: has ant,") as caught:
        catalog.env("brax:halfcheeta")
    assert "brax:halfcheetah" in caught.value.hint
