"""A training as watchers see it, and a command that stands in for those that draw."""

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

# Draws what it was told to, once it may: while `hold` is there it waits. Told to fail it does.
DRAW = """
import json, os, sys, time
from pathlib import Path
arguments = sys.argv[1:]
out = Path(arguments[arguments.index("--out") + 1])
with open("log", "a") as log:
    where = [os.getpid(), os.getpgid(0), os.getsid(0)]
    log.write(json.dumps([arguments, where]) + "\\n")
while Path("hold").exists():
    time.sleep(0.01)
if Path("fail").exists():
    print(json.dumps({"error": {"message": "out of paint"}}))
    sys.exit(10)
if Path("crash").exists():
    sys.exit("a traceback")
if "--ckpt" in arguments:
    checkpoint = Path(arguments[arguments.index("--ckpt") + 1])
    out.write_text(" ".join(file.read_text() for file in checkpoint.iterdir()))
else:
    out.write_text("drawn")
"""


class Stage:
    """A training's folder and events, and what was drawn there."""

    def __init__(self):
        self.heard, self.signum = [], None
        self.progress = Progress(self.heard.append)
        self.folder = Path("run")
        self.folder.mkdir()

    def info(self, *texts, start=0):
        settings = resolve({"train": TrainConfig}, [set_layer(texts)])
        return TrainingInfo(
            self.folder, "pendulum", "ppo", settings, start, self.progress, lambda: self.signum
        )

    def told(self, *kinds):
        return [event for event in self.heard if event["event"] in kinds]

    def drawings(self):
        """Arguments of the commands that were started, and where they ran."""
        log = Path("log")
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def until(self, condition):
        for _ in range(1000):
            if condition():
                return
            time.sleep(0.01)
        raise AssertionError("it never came")


@pytest.fixture
def stage(monkeypatch, tmp_path):
    script = tmp_path / "draw.py"
    script.write_text(DRAW)
    monkeypatch.setattr(
        self_command, "command", lambda *arguments: [sys.executable, str(script), *arguments]
    )
    return Stage()
