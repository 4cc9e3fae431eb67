"""W&B, played by a module that writes down what is asked of it."""

import sys
from pathlib import Path

import pytest
from written_run import eval_row, train_row

from rlctl.callbacks import wandb
from rlctl.core.errors import DeviceUnavailable, Diverged, Stopped

STAND_IN = """
calls = []

class Settings(dict):
    pass

class Run:
    def log(self, values, step):
        calls.append(("log", step, values))

    def finish(self, exit_code):
        calls.append(("finish", exit_code))

def login():
    calls.append(("login",))

def init(**arguments):
    calls.append(("init", arguments))
    return Run()
"""


@pytest.fixture
def calls(tmp_path, monkeypatch):
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "wandb.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    import wandb as stand_in

    yield stand_in.calls
    monkeypatch.delitem(sys.modules, "wandb")


def test_a_training_is_logged_against_its_steps(stage, calls):
    wandb.check()
    one = wandb.WandB(stage.info("train.seed=3"))
    one.on_event({"event": "phase", "name": "update"})
    one.on_event({"event": "progress", **train_row(1)})
    one.on_event({"event": "eval", **eval_row(1, 80.0)})
    one.finish(None)
    one.close()
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


def test_a_resumed_training_is_the_same_run_of_theirs(stage, calls):
    ids = [wandb.WandB(stage.info(start=start)) and calls[-1][1]["id"] for start in (0, 500)]
    assert ids[0] == ids[1] == Path("run/wandb/id").read_text()
    assert len(ids[0]) == 8


def test_the_user_s_project(stage, calls, monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "legs")
    wandb.WandB(stage.info())
    assert calls[-1][1]["project"] == "legs"


@pytest.mark.parametrize(("error", "code"), [(Stopped("x"), 0), (Diverged("x"), 1)])
def test_how_it_ended(stage, calls, error, code):
    wandb.WandB(stage.info()).finish(error)
    assert calls[-1] == ("finish", code)


@pytest.mark.parametrize("call", ["login", "init"])
def test_without_an_account_it_is_refused(stage, calls, monkeypatch, call):
    def refuse(**_):
        raise RuntimeError("No API key configured")

    monkeypatch.setattr(sys.modules["wandb"], call, refuse)
    begin = {"login": wandb.check, "init": lambda: wandb.WandB(stage.info())}[call]
    with pytest.raises(DeviceUnavailable, match="No API key") as caught:
        begin()
    assert "WANDB_MODE=offline" in caught.value.hint
