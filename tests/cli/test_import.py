"""`rlctl import`: policies act as in the other tool, and no code of the file is executed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import saved_policy
import torch
from checkpoints.foreign_cases import (
    CASES,
    FOLDER,
    REFUSED,
    arguments,
    greatest_difference,
    source,
)
from checkpoints.payloads import PICKLES

from rlctl import load_policy
from rlctl.checkpoints.reading import load

VALUE = {"brax_flat", "brax_zarr", "brax_raw", "brax_3.pkl", "brax_params.pkl", "torch_plain.pt",
         "torch_nested.pt", "sb3_ppo.zip", "sb3_choice.zip", "sb3_vec.zip", "rsl_rl_2.pt",
         "rsl_rl_3.pt", "rsl_rl_4.pt", "rsl_rl_5.pt"}  # fmt: skip
STEPS = {"brax_flat": 128_000, "brax_zarr": 256_000, "brax_dict": 64_000, "sb3_ppo.zip": 8,
         "sb3_vec.zip": 8}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_it_acts_as_it_did(name, rlctl, tmp_path):
    done = rlctl("import", source(name), "--out", "made", *arguments(name), "--json")
    assert done.code == 0, done.err
    assert greatest_difference(name, tmp_path / "made") < 1e-5
    data = done.envelope["data"]
    assert data["value"] == (name in VALUE)
    assert data["step"] == STEPS.get(name, data["step"])
    held = load("made").manifest
    files = held["imported_from"]["files"]
    assert sorted(held["arrays"]) == ["policy"]
    if source(name).is_file():
        assert {*files} == {name} | (
            {"VecNormalize"} if "--vec-normalize" in CASES[name] else set()
        )
    else:
        assert {"_METADATA", "_sharding", "ppo_network_config.json"} < set(files)


@pytest.mark.parametrize("name", REFUSED)
def test_another_algorithm_is_refused_by_name(name, rlctl):
    done = rlctl("import", FOLDER / name, "--env", "gym:Acrobot-v1", "--out", "made")
    assert done.code == 6
    assert f"it is of {REFUSED[name]}" in done.err
    assert "supported are PPO, A2C and TRPO" in done.err
    assert not os.path.exists("made")


def test_a_vec_normalize_that_is_not_given_is_asked_for(rlctl):
    done = rlctl("import", FOLDER / "sb3_vec.zip", "--env", "inverted-pendulum", "--out", "made")
    assert done.code == 6
    assert "--vec-normalize FILE" in done.err
    done = rlctl("import", FOLDER / "sb3_vec.zip", "--out", "made", "--vec-normalize", "none.pkl")
    assert done.code == 3
    for name in ("brax_3.pkl", "rsl_rl_3.pt"):
        given = ("--vec-normalize", FOLDER / "sb3_vec.pkl")
        assert rlctl("import", FOLDER / name, "--out", "made", *given).code == 2


def test_assumptions_about_rsl_rl_are_reported_and_can_be_given(rlctl):
    words = ("import", FOLDER / "rsl_rl_5.pt", "--env", "inverted-pendulum")
    done = rlctl(*words, "--out", "assumed", "--json")
    data = done.envelope["data"]
    assert data["format"] == "a checkpoint of rsl_rl 4 or 5"
    assert data["notes"] == ["assumed: elu between the layers, as the file does not say"]
    done = rlctl(*words, "--out", "given", "--activation", "relu", "--json")
    assert done.envelope["data"]["notes"] == []
    assert done.envelope["data"]["policy"]["activation"] == "relu"


def test_the_policy_of_several_networks_is_named(rlctl):
    sizes = {"q.0": (4, 4), "q.2": (2, 4), "q_target.0": (4, 4), "q_target.2": (2, 4)}
    torch.save({f"{name}.weight": torch.randn(size) for name, size in sizes.items()}, "q.pt")
    words = ("import", "q.pt", "--env", "gym:CartPole-v1", "--out", "made", "--activation", "relu")
    done = rlctl(*words)
    assert done.code == 6
    assert "q (4 -> 4 -> 2); q_target (4 -> 4 -> 2)" in done.err
    assert "--actor PREFIX" in done.err
    assert rlctl(*words, "--actor", "qq").code == 6
    done = rlctl(*words, "--actor", "q")
    assert done.code == 0
    assert "left out: q_target.0, q_target.2" in done.err
    done = rlctl("import", FOLDER / "sb3_ppo.zip", "--out", "other", "--actor", "q")
    assert done.code == 2


def test_it_is_a_checkpoint_as_any_other(rlctl):
    assert rlctl("import", FOLDER / "brax_3.pkl", "--out", "made").code == 0
    done = rlctl("inspect-ckpt", "made")
    assert "imported     brax_3.pkl, a pickle of Brax's PPO\n" in done.out
    assert "notes        assumed: observations are normalised" in done.out
    assert "trained" not in done.out
    done = rlctl("eval", "--ckpt", "made", "--episodes", 2, "--max-episode-steps", 20, "--cpu")
    assert done.code == 0, done.err
    done = rlctl("train", "--resume", "made")
    assert done.code == 6
    assert "rlctl train ENV --init-from made" in done.err


@pytest.mark.slow
def test_a_training_starts_from_it(rlctl):
    assert rlctl("import", FOLDER / "brax_3.pkl", "--out", "made").code == 0
    done = rlctl(
        "train", "pendulum", "--init-from", "made", "--steps", 640, "--num-envs", 32, "--cpu",
        "--set", "ppo.policy_hidden_layer_sizes=8,8", "--set", "ppo.value_hidden_layer_sizes=8",
        "--set", "ppo.batch_size=0", "--set", "ppo.num_minibatches=2", "--set", "train.num_evals=1",
        "--set", "train.eval_episodes=4",
    )  # fmt: skip
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    "change",
    [
        "missing",
        "",
        "{}",
        json.dumps({"MC5tZWFu": '{"sharding_type": "SingleDeviceSharding", "device_str": "cuda"}'}),
        json.dumps({"MC5tZWFu": '{"sharding_type": "NamedSharding", "shape": [8]}'}),
        json.dumps({"MC5tZWFu": '{"sharding_type": "PositionalSharding"}'}),
    ],
)
def test_where_the_arrays_were_makes_no_difference(change, rlctl, tmp_path):
    folder = shutil.copytree(source("brax_flat"), tmp_path / "000000000001")
    (folder / "_sharding").unlink()
    if change != "missing":
        (folder / "_sharding").write_text(change)
    assert rlctl("import", folder, "--env", "pendulum", "--out", "made").code == 0
    assert greatest_difference("brax_flat", tmp_path / "made") < 1e-5


def test_without_its_configuration_sizes_are_those_of_the_kernels(rlctl, tmp_path):
    folder = shutil.copytree(source("brax_flat"), tmp_path / "copy")
    (folder / "ppo_network_config.json").unlink()
    done = rlctl("import", folder, "--out", "made")
    assert done.code == 0
    assert "assumed: swish between the layers" in done.err
    assert greatest_difference("brax_flat", tmp_path / "made") < 1e-5


def test_a_policy_exported_to_pytorch_comes_back(rlctl, rng):
    path = saved_policy.save()
    assert rlctl("export", "--format", "torch", "--out", "p.pt").code == 0
    done = rlctl("import", "p.pt", "--out", "made", "--activation", "swish")
    assert done.code == 0, done.err
    seen = rng.normal(size=(50, 3))
    gap = load_policy("made").act(seen) - load_policy(path).act(seen)
    assert np.abs(gap).max() < 1e-6


def test_an_environment_that_does_not_fit(rlctl):
    done = rlctl("import", FOLDER / "brax_3.pkl", "--env", "hopper", "--out", "made")
    assert done.code == 6
    assert "input size is 3, and hopper has observations of 11" in done.err
    done = rlctl("import", FOLDER / "brax_3.pkl", "--env", "hoper", "--out", "made")
    assert done.code == 2
    done = rlctl("import", FOLDER / "sb3_choice.zip", "--out", "made")
    assert done.code == 6
    assert "--env NAME" in done.err
    assert not os.path.exists("made")


def test_bad_arguments(rlctl, tmp_path):
    pickle = FOLDER / "brax_3.pkl"
    assert rlctl("import", pickle).code == 2
    assert rlctl("import", tmp_path / "nothing", "--out", "made").code == 3
    assert rlctl("import", pickle, "--out", ".").code == 2
    assert rlctl("import", pickle, "--out", "step_000000000001").code == 2
    assert rlctl("import", pickle, "--out", "made", "--activation", "gelu").code == 2
    assert rlctl("import", pickle, "--out", "made", "--set", "env.start_angle=1").code == 2
    assert rlctl("import", pickle, "--out", "made", "--obs-clip", "-1").code == 2
    assert rlctl("import", source("brax_raw"), "--out", "made", "--obs-clip", "5").code == 2
    done = rlctl("import", source("brax_dict"), "--out", "made", "--activation", "tanh")
    assert done.code == 2
    assert "has the activation relu, not tanh" in done.err


def test_a_payload_ends_the_command(rlctl, tmp_path):
    (tmp_path / "evil.pkl").write_bytes(PICKLES["os.system"])
    done = rlctl("import", "evil.pkl", "--out", "made")
    assert done.code == 5
    assert "posix.system" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["evil.pkl"]


def test_neither_jax_nor_brax_reads_it(tmp_path):
    """The sandbox process can import only numpy, and TensorStore for folders."""
    program = (
        "import sys\n"
        "from rlctl.checkpoints.foreign import orbax, pickles\n"
        "from rlctl.checkpoints.foreign.source import open_source\n"
        "from pathlib import Path\n"
        "orbax.read(open_source(Path(sys.argv[1])).files)\n"
        "pickles.read(open_source(Path(sys.argv[2])).files)\n"
        "print([x for x in ('jax', 'brax', 'flax', 'orbax', 'torch') if x in sys.modules])\n"
    )
    words = [sys.executable, "-c", program, source("brax_flat"), FOLDER / "brax_3.pkl"]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    "command",
    [
        "eval --ckpt X",
        "render --out a.png --ckpt X",
        "inspect-ckpt X",
        "compare --ckpt X",
        "export --format numpy --out p --ckpt X",
        "train pendulum --init-from X",
    ],
)
@pytest.mark.parametrize("name", ["brax_flat", "brax_3.pkl", "sb3_ppo.zip"])
def test_other_commands_say_to_import_it(command, name, rlctl):
    for path in {FOLDER / name, source(name)}:
        done = rlctl(*command.replace("X", str(path)).split())
        assert done.code == 6
        assert f"rlctl import {source(name)} --out DIR" in done.err


def test_what_is_known_of_it_is_in_the_manifest(rlctl):
    rlctl("import", source("brax_flat"), "--out", "made", "--obs-clip", "10")
    held = json.loads(Path("made/manifest.json").read_text())
    entry = held["imported_from"]["files"]["ppo_network_config.json"]
    assert entry["bytes"] == (source("brax_flat") / "ppo_network_config.json").stat().st_size
    assert held["imported_from"]["name"] == "000000128000"
    assert held["policy"]["normalizer_clip"] == 10.0
