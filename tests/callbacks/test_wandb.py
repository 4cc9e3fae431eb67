"""Tests of the W&B callback with a fake `wandb` module that records its calls."""

import sys
from pathlib import Path

import pytest
from written_run import eval_row, train_row

from rlctl.callbacks import wandb
from rlctl.core.errors import DeviceUnavailable, Diverged, Stopped


def test_a_training_is_logged_against_its_steps(training, calls):
    wandb.validate()
    callback = wandb.WandB(training.info("train.seed=3"))
    callback.on_event({"event": "phase", "name": "update"})
    callback.on_event({"event": "progress", **train_row(1)})
    callback.on_event({"event": "eval", **eval_row(1, 80.0)})
    callback.finish(None)
    callback.close()
    assert calls[0] == ("login",)
    assert calls[1][0] == "init"
    started = calls[1][1]
    assert (started["project"], started["name"], started["dir"]) == ("rlctl", "run", "run")
    assert started["resume"] == "allow"
    assert started["settings"] == {"console": "off"}
    assert started["config"]["env"] == "pendulum"
    assert started["config"]["train"]["seed"] == 3
    (_, step, train), (_, _, evaluation), end = calls[2:]
    assert step == 100
    assert train["train/return"] == 10.0
    assert train["losses/v_loss"] == 1.0
    assert evaluation["eval/return"] == 80.0
    assert end == ("finish", 0)


def test_a_resumed_training_logs_to_the_same_wandb_run(training, calls):
    ids = [wandb.WandB(training.info(start=start)) and calls[-1][1]["id"] for start in (0, 500)]
    assert ids[0] == ids[1] == Path("run/wandb/id").read_text()
    assert len(ids[0]) == 8


def test_project_from_the_environment(training, calls, monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "legs")
    wandb.WandB(training.info())
    assert calls[-1][1]["project"] == "legs"


@pytest.mark.parametrize(("error", "code"), [(Stopped("x"), 0), (Diverged("x"), 1)])
def test_exit_code(training, calls, error, code):
    wandb.WandB(training.info()).finish(error)
    assert calls[-1] == ("finish", code)


@pytest.mark.parametrize("call", ["login", "init"])
def test_a_missing_api_key_is_refused(training, calls, monkeypatch, call):
    def refuse(**_):
        raise RuntimeError("No API key configured")

    monkeypatch.setattr(sys.modules["wandb"], call, refuse)
    start = {"login": wandb.validate, "init": lambda: wandb.WandB(training.info())}[call]
    with pytest.raises(DeviceUnavailable, match="No API key") as caught:
        start()
    assert "WANDB_MODE=offline" in caught.value.hint
