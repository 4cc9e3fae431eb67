"""Tests of the estimated disk space of checkpoints."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from rlctl import catalog
from rlctl.actions.config import sections_of
from rlctl.actions.training_setup import load_engine
from rlctl.checkpoints import store
from rlctl.core.config import Resolved, resolve, set_layer
from rlctl.core.errors import OutOfSpace
from rlctl.engines import checkpoint_size
from rlctl.rollouts.factory import make_driver
from rlctl.rollouts.state_size import spec_and_state_bytes

RELEASED = Path(__file__).parents[1] / "checkpoints" / "released" / "1.0"
MIB = 2**20


def plan_of(settings: Resolved, env: str, algo: str):
    engine = load_engine(algo)
    return engine.details(settings, env, engine.plan(settings, env))


def settings(env: str, algo: str, *sets: str) -> Resolved:
    return resolve(sections_of(env, algo), [set_layer(sets)])


@pytest.mark.parametrize("algo", sorted(path.name for path in RELEASED.iterdir()))
def test_a_checkpoint_is_as_large_as_was_said(algo):
    run = RELEASED / algo
    saved = json.loads((run / "config.json").read_bytes())["settings"]
    planned = plan_of(Resolved.from_json(sections_of("pendulum", algo), saved), "pendulum", algo)
    path = store.newest_verified(run / "checkpoints").path
    real = sum(file.stat().st_size for file in path.iterdir()) / MIB
    assert planned["checkpoint_mib"] == pytest.approx(real, rel=0.2)


@pytest.mark.parametrize(
    ("env", "physics"),
    [
        ("hopper", "native"),
        ("barkour", "native"),
        pytest.param("hopper", "jax", marks=pytest.mark.slow),
    ],
)
def test_states_of_environments_are_as_large_as_was_said(env, physics):
    config = catalog.load(catalog.env(env).config)()
    driver = make_driver(env, config, physics, 4)
    driver.reset(0)
    real = sum(array.nbytes for array in driver.state().values())
    driver.close()
    spec, said = spec_and_state_bytes(env, config, physics, 4, randomize=True)
    assert spec == driver.spec
    assert said == pytest.approx(real, rel=0.01 if physics == "native" else 0.2)


@pytest.mark.parametrize(
    ("sets", "kept"),
    [
        (("train.num_evals=0",), 4),  # the last three and the best
        (("train.num_evals=2",), 2),  # no more are ever saved
        (("train.num_evals=20", "train.keep_every=100_000"), 14),
        (("train.num_evals=20", "train.keep_every=1"), 20),
    ],
)
def test_number_of_checkpoints_kept(sets, kept):
    made = plan_of(settings("pendulum", "ppo", "train.steps=1_000_000", *sets), "pendulum", "ppo")
    assert made["checkpoints_kept"] == kept
    assert made["disk_mib"] == pytest.approx((kept + 1) * made["checkpoint_mib"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Brax, which the plan builds
def test_unknown_sizes_are_left_out():
    assert "disk_mib" not in plan_of(settings("brax:ant", "ppo"), "brax:ant", "ppo")


def test_a_full_disk_is_reported_before_anything_is_written(tmp_path, monkeypatch):
    planned = {"checkpoint_mib": 2.0, "checkpoints_kept": 3, "disk_mib": 8.0}
    folder = tmp_path / "runs" / "new"
    asked = []

    def has(mib):
        monkeypatch.setattr(
            shutil,
            "disk_usage",
            lambda at: asked.append(at) or SimpleNamespace(total=1, free=mib * MIB),
        )

    has(8.0)
    assert checkpoint_size.check_disk_space(planned, folder) is None
    has(7.9)
    assert "3 checkpoints will take 8 MiB" in checkpoint_size.check_disk_space(planned, folder)
    has(1.9)
    with pytest.raises(OutOfSpace, match=r"a checkpoint takes 2 MiB, and .* has 1\.9 MiB left"):
        checkpoint_size.check_disk_space(planned, folder)
    assert set(asked) == {tmp_path}
    assert checkpoint_size.check_disk_space({}, folder) is None
