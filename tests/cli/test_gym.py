"""Gymnasium's environments through every command."""

import json
from pathlib import Path

import pytest

SMALL = [
    *("--num-envs", 4, "--set", "ppo.unroll_length=8", "--set", "ppo.num_minibatches=2"),
    *("--set", "ppo.num_updates_per_batch=1", "--set", "train.num_evals=1"),
    *("--set", "train.eval_episodes=2"),
]
pytestmark = pytest.mark.filterwarnings("ignore:Box.*:UserWarning")


def test_from_training_to_a_film(rlctl):
    done = rlctl(
        *("train", "gym:Pendulum-v1", "--set", "env.g=5", "--steps", 64, *SMALL),
        *("--out", "run", "--json"),
    )
    assert done.code == 0, done.err
    config = json.loads(Path("run/config.json").read_text())
    assert config["settings"]["env"] == {"g": 5}
    assert config["origins"]["env.g"] == "--set"

    done = rlctl("train", "--resume", "run", "--steps", 128, "--json")
    assert done.code == 0, done.err
    (warning,) = (event["message"] for event in done.events if event["event"] == "warning")
    assert "gym:Pendulum-v1 goes on with fresh episodes" in warning
    assert done.envelope["data"]["steps"] == 128
    refused = rlctl("train", "--resume", "run", "--steps", 192, "--set", "env.g=6")
    assert refused.code == 2
    assert "env.g is 5 in the run, not 6" in refused.err
    refused = rlctl("train", "--resume", "run", "--set", "env.new=6")
    assert "env.new is not set in the run, not 6" in refused.err

    done = rlctl("eval", "--ckpt", "run", "--episodes", 3, "--max-episode-steps", 20, "--json")
    data = done.envelope["data"]
    assert (done.code, data["physics"], data["length"]["mean"]) == (0, "gymnasium", 20)
    heavier = rlctl(
        *("eval", "--ckpt", "run", "--episodes", 3, "--max-episode-steps", 20, "--json"),
        *("--set", "env.g=20"),
    )
    assert heavier.envelope["data"]["return"] != data["return"]
    assert rlctl("eval", "--ckpt", "run", "--max-episode-steps", 201).code == 2
    assert rlctl("eval", "--ckpt", "run", "--physics", "native").code == 2
    shown = rlctl("inspect-ckpt", "run", "--json")
    assert shown.code == 0, shown.err

    pytest.importorskip("pygame")
    done = rlctl("render", "--ckpt", "run", "--out", "a.png", "--steps", 5, "--json")
    assert done.code == 0, done.err
    assert done.envelope["data"]["frames"] == 6
    assert Path("a.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("command", "code", "complaint"),
    [
        (["gym:CartPole-v1", "--algo", "ppo"], 2, "discrete actions"),
        (["gym:toy_gym:Odd-v0", "--set", "env.takes=half"], 2, "actions without bounds"),
        (["gym:Pendulm-v1"], 2, "did you mean gym:Pendulum-v1?"),
        (["gym:toy_gym:Missing-v0"], 7, "-m pip install 'toys[box]'"),
        (["gym:Pendulum-v1", "--set", "env.gg=1"], 2, "did you mean env.g?"),
        (["gym:Pendulum-v1", "--set", "env.render_mode=human"], 2, "rlctl render chooses it"),
        (["gym:Pendulum-v1", "--set", "train.episode_length=201"], 2, "after 200 steps"),
    ],
)
def test_what_cannot_be_trained_leaves_nothing_behind(rlctl, tmp_path, command, code, complaint):
    done = rlctl("train", *command)
    assert done.code == code
    assert complaint in done.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("fail", "complaint"),
    [("raise", "ValueError: the toy broke"), ("observation", "the observation of environment 0")],
)
def test_an_environment_that_fails_in_the_middle(rlctl, fail, complaint):
    done = rlctl(
        *("train", "gym:toy_gym:Toy-v0", *SMALL, "--steps", 640, "--out", "run", "--json"),
        *("--set", f"env.fail={fail}", "--set", "env.at=50", "--set", "train.num_evals=0"),
        *("--save-every", 32),
    )
    assert done.code == 8
    error = done.envelope["error"]
    assert (error["code"], complaint in error["message"]) == ("diverged", True)
    assert Path(done.envelope["data"]["checkpoint"]).name == "step_000000000192"


def test_all_names_of_a_family(rlctl):
    done = rlctl("envs", "gym", "--json")
    (family,) = done.envelope["data"]["families"]
    assert {"CartPole-v1", "Hopper-v5"} <= set(family["names"])
    assert done.envelope["data"]["envs"] == []
    assert "Pendulum-v1" in rlctl("envs", "gym").out
    assert "`rlctl envs gym` lists them" in rlctl("envs").out
    assert "did you mean gym?" in rlctl("envs", "gim").err
