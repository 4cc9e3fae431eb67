"""Trainings on several devices through the real command, on a CPU that is split into devices."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_runner import run

from rlctl.checkpoints import store
from rlctl.checkpoints.reading import load

UPDATE = 24 * 5
TRAIN = (
    "train", "pendulum", "--num-envs", "24", "--cpu", "--set", "ppo.unroll_length=5",
    "--set", "ppo.num_minibatches=2", "--set", "ppo.num_updates_per_batch=1",
    "--set", "train.num_evals=0", "--set", "train.plot=false", "--set", "train.episode_length=7",
    "--set", "ppo.policy_hidden_layer_sizes=8", "--set", "ppo.value_hidden_layer_sizes=8",
)  # fmt: skip
TOLERANCE = 1e-5  # of networks after four gradient steps, and of environments after ten steps
slow = pytest.mark.slow


def rlctl(*args):
    command = [sys.executable, "-m", "rlctl", *map(str, args), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=os.environ)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def arrays(run, step):
    groups = load(store.step_folder(Path(run, "checkpoints"), step), ("policy", "envs")).groups
    return {f"{group}/{name}": array for group in groups for name, array in groups[group].items()}


@pytest.mark.parametrize(
    ("physics", "devices"),
    [
        ("native", 2),
        pytest.param("native", 3, marks=slow),
        pytest.param("native", 8, marks=slow),
        pytest.param("jax", 2, marks=[slow, pytest.mark.foreign]),
        pytest.param("jax", 3, marks=[slow, pytest.mark.foreign]),
        pytest.param("jax", 8, marks=[slow, pytest.mark.foreign]),
    ],
)
def test_devices_train_what_one_device_trains_in_as_many_shards(physics, devices):
    common = (*TRAIN, "--physics", physics, "--steps", 2 * UPDATE, "--out")
    rlctl(*common, "many", "--devices", devices)
    rlctl(*common, "one", "--set", f"ppo.shards={devices}")
    many, one = (arrays(name, 2 * UPDATE) for name in ("many", "one"))
    assert many.keys() == one.keys()
    for name, array in one.items():
        np.testing.assert_allclose(many[name], array, rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)
    # On one device again.
    events = rlctl("train", "--resume", "many", "--devices", 1, "--steps", 3 * UPDATE)
    warnings = [event["message"] for event in events if event.get("event") == "warning"]
    assert any(f"was saved with {devices} shards, and there are 1 now" in w for w in warnings)
    assert arrays("many", 3 * UPDATE)


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("--devices", 2, "--num-envs", 15), 2, "train.num_envs 15 does not divide evenly over 2"),
        (("--devices", 2, "--algo", "trpo"), 2, "trpo trains on one device"),
        # This process computes already, so its CPU is one device.
        (("--devices", 2, "--num-envs", 16), 7, "jax sees 1 cpu device"),
    ],
)
def test_what_cannot_be_divided_is_refused(args, code, message):
    import jax

    jax.devices()
    outcome = run("train", "pendulum", "--cpu", *args)
    assert outcome.code == code
    assert message in outcome.err
    assert not Path("runs").exists()


def test_another_number_of_cores_is_reported_on_resume(monkeypatch):
    assert run(*TRAIN, "--steps", UPDATE, "--out", "run").code == 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    monkeypatch.setenv("NPROC", str(cores + 1))
    outcome = run("train", "--resume", "run", "--steps", 2 * UPDATE)
    assert outcome.code == 0
    assert f"NPROC={cores} in the environment" in outcome.err
