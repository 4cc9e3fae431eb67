"""Environment variables of the user: results depend on the seed only, and one device is used."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rlctl.policies.mlp import torch_net

TRAIN = (
    "train", "pendulum", "--steps", "600", "--num-envs", "15", "--seed", "3", "--cpu", "-q",
    "--set", "ppo.unroll_length=10", "--set", "ppo.num_minibatches=2", "--set", "ppo.batch_size=0",
    "--set", "train.num_evals=0", "--set", "train.plot=false",
)  # fmt: skip
EVAL = (
    "eval", "barkour", "--ckpt", "shipped:barkour", "--episodes", "1", "--max-episode-steps", "5",
    "--seed", "5", "--cpu",
)  # fmt: skip


def rlctl(*args, **variables):
    command = [sys.executable, "-m", "rlctl", *map(str, args)]
    environ = os.environ | variables
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return done.stdout


def saved(run):
    (checkpoint,) = Path(run, "checkpoints").glob("step_*600")
    return {path.name: path.read_bytes() for path in checkpoint.glob("*.safetensors")}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    run = tmp_path_factory.mktemp("plain") / "run"
    rlctl(*TRAIN, "--out", run)
    return saved(run)


@pytest.mark.parametrize(
    "variables",
    [
        {"JAX_DEFAULT_PRNG_IMPL": "rbg", "JAX_ENABLE_X64": "1", "JAX_RANDOM_SEED_OFFSET": "1"},
        {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_a_training_is_the_same_bit_for_bit(plain, variables):
    rlctl(*TRAIN, "--out", "other", **variables)
    assert saved("other") == plain


def test_episodes_are_those_of_the_seed():
    for name, variables in (("plain", {}), ("other", {"JAX_ENABLE_X64": "1"})):
        rlctl(*EVAL, "--save-trajectories", f"{name}.npz", **variables)
    plain, other = np.load("plain.npz"), np.load("other.npz")
    assert plain.files == other.files
    for name in plain.files:
        np.testing.assert_array_equal(plain[name], other[name])


def test_a_variable_that_makes_jax_fail_is_named():
    done = subprocess.run(
        [sys.executable, "-m", "rlctl", *EVAL],
        env=os.environ | {"JAX_DISABLE_JIT": "banana"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 70
    assert "which is a bug" not in done.stderr
    assert "JAX_DISABLE_JIT in the environment may be the cause" in done.stderr


@pytest.mark.slow
@pytest.mark.foreign
def test_mjx_trains_where_there_are_two_devices():
    variables = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    rlctl(*TRAIN[:5], 16, *TRAIN[6:], "--physics", "jax", "--out", "run", **variables)
    assert list(Path("run/checkpoints").glob("step_*"))


def test_fresh_networks_of_torch_are_float32_whatever_its_default_is():
    import torch

    torch.set_default_dtype(torch.float64)
    try:
        params = torch_net.init((3, 4, 1), torch.Generator().manual_seed(0))
    finally:
        torch.set_default_dtype(torch.float32)
    assert {x.dtype for x in params.values()} == {torch.float32}
    again = torch_net.init((3, 4, 1), torch.Generator().manual_seed(0))
    assert all(torch.equal(params[name], again[name]) for name in again)
