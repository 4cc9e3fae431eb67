"""`rlctl train` with callbacks: plots, videos, TensorBoard, W&B."""

import json
import os
import sys
from pathlib import Path

import pytest

from rlctl.callbacks import plot, wandb

ROOT = Path(__file__).parents[2]
SMALL = (
    "train.num_envs=16",
    "train.num_evals=1",
    "train.eval_episodes=2",
    "train.episode_length=20",
    "ppo.unroll_length=5",
    "ppo.num_minibatches=4",
    "ppo.num_updates_per_batch=1",
    "ppo.policy_hidden_layer_sizes=8",
    "ppo.value_hidden_layer_sizes=8",
)
TRAIN = ("--cpu", "--json", "--out", "run", *(part for text in SMALL for part in ("--set", text)))
FAKE = ("train", "pendulum", "--algo", "fake", "--steps", 200, "--out", "run", "--json")
needs_matplotlib = pytest.mark.skipif(not plot.is_available(), reason="matplotlib is not installed")


def logs():
    return sorted(Path("run/tensorboard").iterdir())


@needs_matplotlib
def test_curves_and_events_of_a_training_and_of_its_resumption(rlctl):
    done = rlctl("train", "pendulum", *TRAIN, "--steps", 320, "--tensorboard")
    assert done.code == 0
    assert done.envelope["data"]["plot"] == "run/plot.png"
    assert Path("run/plot.png").read_bytes().startswith(b"\x89PNG")
    assert not Path("run/.plot").exists()
    assert b"losses/v_loss" in logs()[0].read_bytes()
    Path("run/plot.png").unlink()
    changed = ("--steps", 480, "--set", "train.plot=false")
    done = rlctl("train", "--resume", "run", "--json", *changed)
    assert done.envelope["data"]["plot"] is None
    assert len(logs()) == 2
    saved = json.loads(Path("run/config.json").read_text())
    assert saved["settings"]["train"]["tensorboard"] is True
    assert saved["settings"]["train"]["plot"] is False


def test_a_video_of_the_last_checkpoint(rlctl, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{ROOT / 'tests'}")
    small = ("--set", "train.num_envs=4", "--set", "train.num_evals=1", "--steps", 64)
    task = ("train", "gym:toy_gym:Toy-v0", "--algo", "trpo", "--set", "trpo.steps_per_update=32")
    done = rlctl(*task, *small, "--video-every", "1e9", "--out", "run", "--cpu", "--json")
    assert done.code == 0
    film = Path("run/videos/step_000000000064.mp4")
    assert done.envelope["data"]["films"] == [str(film)]
    assert b"ftyp" in film.read_bytes()[:12]
    assert [event["path"] for event in done.events if event["event"] == "film"] == [str(film)]
    assert [path.name for path in film.parent.iterdir()] == [film.name]


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("mode", [(), ("--dry-run",)])
def test_what_cannot_be_rendered_is_refused_at_the_start(rlctl, tmp_path, monkeypatch, mode):
    monkeypatch.setenv("MUJOCO_GL", "off")
    done = rlctl(*FAKE, "--video-every", 100, *mode)
    assert done.code == 10
    assert "turns rendering off" in done.envelope["error"]["message"]
    assert list(tmp_path.iterdir()) == []


def test_an_environment_that_renders_nothing_is_refused(rlctl, tmp_path):
    task = ("train", "gym:toy_gym:Odd-v0", "--algo", "trpo", "--json")
    done = rlctl(*task, "--video-every", 100, "--dry-run")
    assert done.code == 10
    assert "cannot render images" in done.envelope["error"]["message"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("fake")
def test_a_missing_package_is_reported_before_anything_is_written(rlctl, tmp_path, monkeypatch):
    monkeypatch.setattr(wandb, "find_spec", lambda name: None)
    done = rlctl(*FAKE, "--wandb")
    assert done.code == 7
    assert done.envelope["error"]["hint"] == f"{sys.executable} -m pip install wandb"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("fake")
def test_resuming_refuses_them_too_and_leaves_the_run_as_it_was(rlctl, monkeypatch):
    rlctl(*FAKE, "--set", "train.plot=false")
    before = Path("run/config.json").read_bytes()
    monkeypatch.setenv("MUJOCO_GL", "off")
    assert rlctl("train", "--resume", "run", "--video-every", "100").code == 10
    assert Path("run/config.json").read_bytes() == before
    assert rlctl("train", "--resume", "run").code == 0


@pytest.mark.usefixtures("fake")
def test_without_matplotlib_nothing_is_printed(rlctl, monkeypatch):
    monkeypatch.setattr(plot, "find_spec", lambda name: None)
    done = rlctl(*FAKE)
    assert done.code == 0
    assert done.envelope["data"]["plot"] is None
    assert "plot" not in done.err
    assert not Path("run/plot.png").exists()


@needs_matplotlib
@pytest.mark.usefixtures("fake")
def test_a_plot_that_fails_is_one_warning(rlctl):
    done = rlctl(*FAKE)  # whose rows hold nothing to draw
    assert done.code == 0
    (warning,) = [line for line in done.err.splitlines() if "warning" in line]
    assert warning.startswith("warning: plot.png was not written: ")
    assert "metrics" in warning
