"""Gymnasium environments in every command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import saved_policy
from PIL import Image

from rlctl import catalog

SMALL = [
    *("--num-envs", 4, "--set", "ppo.unroll_length=8", "--set", "ppo.num_minibatches=2"),
    *("--set", "ppo.num_updates_per_batch=1", "--set", "train.num_evals=1"),
    *("--set", "train.eval_episodes=2"),
]
pytestmark = pytest.mark.filterwarnings("ignore:Box.*:UserWarning")


def test_from_training_to_a_video(rlctl):
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
    assert "gym:Pendulum-v1 resumes with new episodes" in warning
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


ENGINES = {
    "ppo": SMALL,
    "trpo": (
        *("--algo", "trpo", "--num-envs", 4, "--set", "train.num_evals=0"),
        *("--set", "trpo.steps_per_update=256"),
    ),
    "sac": (
        *("--algo", "sac", "--num-envs", 4, "--set", "train.num_evals=0"),
        *("--set", "sac.learning_starts=1", "--set", "sac.batch_size=16"),
    ),
}


@pytest.mark.parametrize("algo", catalog.engines())
def test_what_raises_no_ordinary_exception(rlctl, algo):
    done = rlctl(
        *("train", "gym:odd_gym:Fails-v0", *ENGINES[algo], "--steps", 2000, "--out", "run"),
        *("--set", "env.error=SystemExit", "--json"),
    )
    error = done.envelope["error"]
    assert (done.code, error["code"]) == (8, "diverged")
    assert error["message"] == "gym:odd_gym:Fails-v0 failed in step 30: SystemExit"


def test_terms_of_infos_that_lack_some(rlctl):
    done = rlctl(
        *("train", "gym:odd_gym:Terms-v0", *ENGINES["trpo"], "--steps", 512, "--out", "run"),
    )
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    assert [row["terms"]["reward_goal"] for row in rows] == [14, 14]
    assert rows[1]["terms"]["reward_late"] == 10
    done = rlctl("eval", "--ckpt", "run", "--episodes", 3, "--json")
    terms = done.envelope["data"]["terms"]
    assert terms["reward_goal"] == {"mean": 14.0, "std": 0.0}
    assert terms["reward_alive"] == {"mean": 10.0, "std": 0.0}


@pytest.mark.parametrize("algo", catalog.engines())
@pytest.mark.parametrize("value", ["1e25", "3.4028234e38"])
def test_observations_too_large_to_compute_with(rlctl, algo, value):
    done = rlctl(
        *("train", "gym:odd_gym:Large-v0", *ENGINES[algo], "--steps", 256, "--out", "run"),
        *("--set", f"env.value={value}"),
    )
    assert done.code == 8
    assert (
        f"component observation[1] of the observation is as large as {float(value):.3g}" in done.err
    )
    assert "rescale or clip" in done.err
    assert not any(f"{other}." in done.err for other in ENGINES if other != algo)
    assert "RuntimeWarning" not in done.err


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [("int64", ""), ("grey", ""), ("unit", "(64, 64, 3) and dtype float32"), ("none", "NoneType")],
)
def test_frames_that_can_be_rendered(rlctl, kind, complaint):
    saved_policy.save("gym:odd_gym:Frames-v0", kind=kind)
    done = rlctl("render", "--out", "a.png", "--steps", 2)
    assert done.code == (10 if complaint else 0), done.err
    assert complaint in done.err
    if complaint:
        assert not Path("a.png").exists()
        return
    page = np.asarray(Image.open("a.png"))
    assert page[60, 2].tolist() == ([250, 10, 10] if kind == "int64" else [250] * 3)
    assert page[60, 50].tolist() == [0, 0, 0]


def test_choices_that_start_far_out(rlctl):
    done = rlctl(
        *("train", "gym:toy_gym:Odd-v0", *ENGINES["trpo"], "--steps", 128, "--out", "run"),
        *("--set", "env.takes=choice", "--set", "env.start=20240101"),
    )
    assert done.code == 0, done.err
    done = rlctl("eval", "--ckpt", "run", "--episodes", 2, "--max-episode-steps", 5)
    assert done.code == 0, done.err


UNGUARDED = """
import sys
from rlctl.families.gymnasium import driver as gym
gym.num_processes = lambda env, num_envs: 2
from rlctl.cli import main
sys.argv = ["rlctl", "train", "gym:odd_gym:OddPlain-v0", "--algo", "trpo", "--num-envs", "2"]
sys.argv += ["--out", "run", "--cpu", "--steps", "128"]
main()
"""


def test_a_script_that_starts_itself_again(tmp_path):
    Path("mine.py").write_text(UNGUARDED)
    paths = os.pathsep.join([os.environ["PYTHONPATH"], str(Path(__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "mine.py"],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.count('under `if __name__ == "__main__":`') == 1
    assert "bug" not in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.py"]


def test_all_names_of_a_family(rlctl):
    done = rlctl("envs", "gym", "--json")
    (family,) = done.envelope["data"]["families"]
    assert {"CartPole-v1", "Hopper-v5"} <= set(family["names"])
    assert done.envelope["data"]["envs"] == []
    assert "Pendulum-v1" in rlctl("envs", "gym").out
    assert "`rlctl envs gym` lists them" in rlctl("envs").out
    assert "did you mean gym?" in rlctl("envs", "gim").err
