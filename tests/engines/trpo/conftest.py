"""Fixtures for short trainings of the numpy problems."""

import contextlib

import numpy_problems
import pytest
from resuming import train_in

from rlctl.checkpoints import store
from rlctl.checkpoints.reading import load
from rlctl.core.config import resolve, set_layer
from rlctl.core.runs import Run
from rlctl.engines.config import TrainConfig
from rlctl.engines.trpo.config import TRPOConfig

FEW = (
    "train.num_envs=8",
    "train.num_evals=0",
    "train.eval_episodes=4",
    "train.episode_length=7",
    "train.keep_last=9",
    "trpo.steps_per_update=64",
    "trpo.value_minibatch=32",
    "trpo.value_epochs=2",
    "trpo.policy_hidden_layer_sizes=8",
    "trpo.value_hidden_layer_sizes=8",
)


@pytest.fixture
def settings():
    """Return a function that makes small settings with overrides."""

    def make(*extra):
        sections = {"train": TrainConfig, "trpo": TRPOConfig, "env": numpy_problems.NoConfig}
        return resolve(sections, [set_layer(FEW), set_layer(extra)])

    return make


@pytest.fixture
def start_run(tmp_path):
    """Return a function that creates runs; they are closed when the test ends."""
    with contextlib.ExitStack() as stack:
        yield lambda name="run": stack.enter_context(
            Run.create("problem", "trpo", 0, tmp_path / name)
        )


@pytest.fixture
def trained(monkeypatch, settings, start_run):
    """Train on a problem with settings; return its last checkpoint."""

    def run(problem, *extra, name="run"):
        numpy_problems.install(monkeypatch, problem)
        folder = start_run(name)
        train_in(folder, "problem", settings(*extra))
        path = store.newest_verified(folder.checkpoints).path
        return load(path, ("policy", "train", "envs"))

    return run
