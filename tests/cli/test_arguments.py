"""docs/arguments.md names only existing options and settings."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from rlctl import catalog

TEXT = (Path(__file__).parents[2] / "docs" / "arguments.md").read_text()
TABLE = [line.split("|")[1:-1] for line in TEXT.splitlines() if line.startswith("| `--")]
HERE = " ".join(row[2] for row in TABLE)
THERE = [
    "task",
    "seed",
    "env_id",
    "num_timesteps",
    "save_per_iter",
    "policy_hidden_size",
    "max_kl",
    "policy_entcoeff",
    "checkpoint_dir",
    "pretrained_weight_path",
    "load_model_path",
    "num_eval_episodes",
    "max_episode_steps",
    "stochastic_policy",
    "save_sample",
    "cpu",
]


def test_every_argument_has_a_home():
    named = re.findall(r"`--(\w+)", " ".join(row[0] for row in TABLE))
    assert sorted(set(named)) == sorted(THERE)
    assert all(row[2].strip() for row in TABLE)


@pytest.mark.parametrize("command", ["train", "eval", "render"])
def test_options_are_the_commands(rlctl, command):
    shown = rlctl(command, "--help").out
    wanted = re.findall(rf"(?:`|rlctl ){command}(?: ENV)? (--[a-z-]+)", TEXT)
    assert [option for option in wanted if option not in shown] == []


def test_every_option_is_one_of_some_command(rlctl):
    shown = "".join(rlctl(name, "--help").out for name in ("train", "eval", "render"))
    assert [option for option in re.findall(r"--[a-z-]+", HERE) if option not in shown] == []


def test_settings_and_their_defaults_are_the_configs():
    sections = {
        "trpo": catalog.load(catalog.engine("trpo").config),
        "train": catalog.load("rlctl.engines.config:TrainConfig"),
    }
    known = {f"{name}.{f.name}": f for name, kind in sections.items() for f in fields(kind)}
    named = set(re.findall(r"\b(?:trpo|train)\.[a-z_]+", TEXT))
    assert len(named) > 10
    assert named <= known.keys()
    for row in TABLE:
        found = re.search(r"--set (trpo\.\w+)=`", row[2])
        if found:
            assert known[found[1]].default == float(row[3])
