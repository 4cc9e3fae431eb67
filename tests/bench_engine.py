"""An engine whose learning curve is known, for tests of benchmarks. Found by its entry point."""

import time
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from rlctl import catalog
from rlctl.checkpoints import store
from rlctl.core.config import setting
from rlctl.core.errors import Diverged, Stopped
from rlctl.engines.api import Plan, Result

ROW = catalog.EngineRow("known", "for tests", "bench_engine:ENGINE", "bench_engine:KnownConfig")
ENTRY_POINTS = "[rlctl.engines]\nknown = bench_engine:ROW\n"


@dataclass(frozen=True)
class KnownConfig:
    """How to behave."""

    slope: float = setting(1.0, "return gained by 100 steps")
    pause: float = setting(0.0, "seconds an update takes", low=0.0)
    bad_seed: int = setting(-1, "the seed that diverges at step 200")


def plan(settings, env_name):
    """Nothing to refuse."""
    return Plan(steps=settings["train"].steps)


def train(job, hooks):
    """Updates of 100 steps in which 50 episodes end, of return slope * update + seed."""
    settings, run, start, resume = job.settings, job.run, job.start, job.resume
    known, seed, total = settings["known"], settings["train"].seed, settings["train"].steps
    steps = start.step if resume else 0
    path = start.path if resume else None
    while steps < total:
        time.sleep(known.pause)
        steps += 100
        if seed == known.bad_seed and steps == 200:
            raise Diverged("loss is not finite at step 200", "lower it")
        row = {
            "steps": steps,
            "total": total,
            "seconds": steps / 1000,
            "steps_per_second": 1000.0,
            "episodes": steps // 2,
            "return": known.slope * steps / 100 + seed,
        }
        run.metrics.write({"kind": "train", **row})
        hooks.progress.event("progress", **row)
        score = {"return": {"mean": known.slope * steps / 100 + 10 * seed}}
        run.metrics.write({"kind": "eval", "steps": steps, **score})
        path = _save(run, steps)
        if (signum := hooks.stop()) is not None and steps < total:
            raise Stopped(f"stopped at step {steps}", signum=signum)
    return Result(steps, 1.0, 1000.0, path, path, {})


def _save(run, steps):
    arrays = {"weights": np.full(3, steps, np.float32)}
    groups = {"policy": arrays, "train": arrays, "envs": arrays}
    facts = {"engine": "known", "env": {"id": "x"}, "policy": {}, "config": {}, "initial": {}}
    return store.save(run.checkpoints, steps, facts, groups)


ENGINE = SimpleNamespace(plan=plan, train=train)
