"""An engine that learns nothing, quickly, for tests of everything around an engine.

Run as a program it is `rlctl` with this engine added:  python fake_engine.py train pendulum ...
"""

import sys
import time
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from rlctl import catalog
from rlctl.checkpoints import store
from rlctl.core.config import setting
from rlctl.core.errors import Diverged, Stopped, UsageError
from rlctl.engines.api import Plan, Result

ROW = catalog.EngineRow("fake", "for tests", "fake_engine:ENGINE", "fake_engine:FakeConfig")


@dataclass(frozen=True)
class FakeConfig:
    """How to behave."""

    pause: float = setting(0.0, "seconds an update takes", low=0.0)
    fail: str = setting(
        "no", "how to fail at step 300", choices=("no", "diverge", "bug", "memory", "disk")
    )
    odd: int | None = setting(None, "any number but 13")


def install():
    """Add the engine to the catalog."""
    catalog.ENGINES = (*catalog.ENGINES, ROW)


def plan(settings, env_name):
    """Refuse one number, to be told before anything is written."""
    if settings["fake"].odd == 13:
        raise UsageError("fake.odd 13 does not work", "12 and 14 do")
    return Plan(steps=-(-settings["train"].steps // 100) * 100)


def train(job, hooks):
    """Count to `train.steps` by hundreds, saving at each."""
    settings, run, start, resume = job.settings, job.run, job.start, job.resume
    began, total = time.perf_counter(), settings["train"].steps
    steps = start.step if resume else 0
    path, score = start.path if resume else None, {}
    with hooks.progress.phase("compile"):
        time.sleep(settings["fake"].pause)
    while steps < total:
        with hooks.progress.phase("update"):
            time.sleep(settings["fake"].pause)
            steps += 100
            if steps == 300:
                _fail(settings["fake"].fail)
        score = {"return": {"mean": float(steps), "std": float("nan")}}
        path = _save(run, steps)
        run.metrics.write({"steps": steps, "loss": float("inf")})
        hooks.progress.event("progress", steps=steps, total=total, **{"return": steps / 3})
        hooks.progress.event("eval", steps=steps, **score)
        if (signum := hooks.stop()) is not None:
            raise Stopped(f"stopped at step {steps}", signum=signum)
    seconds = time.perf_counter() - began
    return Result(steps, seconds, steps / max(seconds, 1e-9), path, path, score)


def _save(run, steps):
    arrays = {"weights": np.full(3, steps, np.float32)}
    groups = {"policy": arrays, "train": arrays, "envs": arrays}
    facts = {"engine": "fake", "env": {"id": "pendulum"}, "policy": {}, "config": {}, "initial": {}}
    return store.save(run.checkpoints, steps, facts, groups)


def _fail(how):
    if how == "diverge":
        raise Diverged("loss is not finite at step 300", "lower it", data={"step": 300})
    if how == "bug":
        raise ZeroDivisionError("a mistake in the engine")
    if how == "memory":
        raise MemoryError
    if how == "disk":
        raise OSError(28, "No space left on device")


ENGINE = SimpleNamespace(plan=plan, train=train)

if __name__ == "__main__":
    sys.modules["fake_engine"] = sys.modules["__main__"]
    install()
    from rlctl.cli import main

    main()
