"""Fake training for callbacks, a fake rlctl command for background jobs, and a fake W&B."""

import json
import sys
import time
from pathlib import Path

import pytest

from rlctl.callbacks.base import TrainingInfo
from rlctl.core import self_command
from rlctl.core.config import resolve, set_layer
from rlctl.core.progress import Progress
from rlctl.engines.config import TrainConfig

# Writes its --out file. Waits while the file `hold` exists; fails if `fail` or `crash` exists.
COMMAND = """
import json, os, sys, time
from pathlib import Path
arguments = sys.argv[1:]
out = Path(arguments[arguments.index("--out") + 1])
with open("log", "a") as log:
    ids = [os.getpid(), os.getpgid(0), os.getsid(0)]
    log.write(json.dumps([arguments, ids]) + "\\n")
while Path("hold").exists():
    time.sleep(0.01)
if Path("fail").exists():
    print(json.dumps({"error": {"message": "out of memory"}}))
    sys.exit(10)
if Path("crash").exists():
    sys.exit("a traceback")
if "--ckpt" in arguments:
    checkpoint = Path(arguments[arguments.index("--ckpt") + 1])
    out.write_text(" ".join(file.read_text() for file in checkpoint.iterdir()))
else:
    out.write_text("done")
"""

FAKE_WANDB = """
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


class FakeTraining:
    """A run folder, the events of a training, and the log of the commands it started."""

    def __init__(self):
        self.events, self.signum = [], None
        self.progress = Progress(self.events.append)
        self.folder = Path("run")
        self.folder.mkdir()

    def info(self, *texts, start=0):
        settings = resolve({"train": TrainConfig}, [set_layer(texts)])
        return TrainingInfo(
            self.folder, "pendulum", "ppo", settings, start, self.progress, lambda: self.signum
        )

    def events_of(self, *kinds):
        return [event for event in self.events if event["event"] in kinds]

    def commands(self):
        """Return arguments and (pid, process group, session) of every command started."""
        log = Path("log")
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def wait_for(self, condition):
        for _ in range(1000):
            if condition():
                return
            time.sleep(0.01)
        raise AssertionError("timed out")


@pytest.fixture
def training(monkeypatch, tmp_path):
    script = tmp_path / "command.py"
    script.write_text(COMMAND)
    monkeypatch.setattr(
        self_command, "command", lambda *arguments: [sys.executable, str(script), *arguments]
    )
    return FakeTraining()


@pytest.fixture
def wandb_calls(tmp_path, monkeypatch):
    """Install a fake `wandb` module; yield the list of its calls."""
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "wandb.py").write_text(FAKE_WANDB)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    import wandb as fake

    yield fake.calls
    monkeypatch.delitem(sys.modules, "wandb")
