"""Small trainings through the action that the command uses, and whether two ended alike."""

import functools
from pathlib import Path
from typing import Any

import numpy as np

from rlctl import catalog
from rlctl.actions.train import TrainRequest, train
from rlctl.actions.training_setup import load_engine, resolve_new
from rlctl.checkpoints import store
from rlctl.core.config import Resolved
from rlctl.core.metrics import Metrics
from rlctl.core.progress import Progress
from rlctl.core.runs import Run
from rlctl.engines.api import Hooks, Result, TrainingJob

ALGOS = tuple(row.name for row in catalog.ENGINES)
ALL = ("policy", "train", "envs")
TIMES = {"seconds", "steps_per_second", "split"}  # wall clock, outside the promise
NAMES = {"path", "provenance", "manifest_sha256", "files"}  # and what tells two runs apart
UPDATES = 6
SMALL = {  # an engine that is not here trains with its defaults, which takes longer
    "ppo": (
        "ppo.unroll_length=5",
        "ppo.batch_size=0",
        "ppo.num_minibatches=4",
        "ppo.num_updates_per_batch=2",
        "ppo.policy_hidden_layer_sizes=8",
        "ppo.value_hidden_layer_sizes=8",
    ),
    "trpo": (
        "trpo.steps_per_update=64",
        "trpo.policy_hidden_layer_sizes=8",
        "trpo.value_hidden_layer_sizes=8",
        "trpo.value_minibatch=32",
    ),
    "sac": (
        "sac.unroll_length=4",
        "sac.updates_per_step=0.125",
        "sac.batch_size=16",
        "sac.learning_starts=1",
        "sac.save_replay_buffer=true",
        "sac.policy_hidden_layer_sizes=8",
        "sac.value_hidden_layer_sizes=8",
    ),
}


def small(env: str, algo: str, out: Path, *extra: str) -> TrainRequest:
    """Six updates of 16 environments, three evaluations."""
    shared = ("num_envs=16", "num_evals=3", "eval_episodes=2", "episode_length=7", "plot=false")
    overrides = (*(f"train.{setting}" for setting in shared), *SMALL.get(algo, ()), *extra)
    flags = {"train.steps": UPDATES * per_update(algo)}
    return TrainRequest(env, algo, out=out, overrides=overrides, flags=flags)


@functools.cache
def per_update(algo: str) -> int:
    """Environment steps of one update of these trainings."""
    settings = ("train.num_envs=16", *SMALL.get(algo, ()))
    request = TrainRequest("pendulum", algo, overrides=settings, flags={"train.steps": 1})
    return resolve_new(request, Progress()).plan.steps


def begin(request: TrainRequest, hooks: Hooks | None = None) -> Path:
    """The folder of the run, trained."""
    hooks = hooks or Hooks()
    return train(request, hooks.progress, hooks.stop).run


def train_in(
    run: Run, env: str, settings: Resolved, hooks: Hooks | None = None, **start: Any
) -> Result:
    """The training of a run that exists already, as an engine is asked for it."""
    algo = next(name for name in settings if name not in ("train", "env"))
    engine = load_engine(algo)
    plan = engine.plan(settings, env)
    job = TrainingJob(env=env, settings=settings, plan=plan, run=run, **start)
    return engine.train(job, hooks or Hooks())


def resume(run: Path, hooks: Hooks | None = None) -> Path:
    """The same run, gone on with."""
    return begin(TrainRequest(resume=str(run)), hooks)


def newest(run: Path) -> store.Checkpoint:
    """A run's newest checkpoint, all of it."""
    return store.newest_verified(run / "checkpoints", groups=ALL)


def differences(one: Path, other: Path) -> list[str]:
    """What is not the same at the end of two runs: arrays, facts, rows of metrics, the best."""
    a, b = newest(one), newest(other)
    found = [
        f"{group}/{name}"
        for group in ALL
        for name in sorted({*a.groups[group], *b.groups[group]})
        if not np.array_equal(a.groups[group].get(name), b.groups[group].get(name))
    ]
    facts = _untimed(a.manifest), _untimed(b.manifest)
    found += [name for name in {**facts[0], **facts[1]} if facts[0].get(name) != facts[1].get(name)]
    rows = [[_untimed(r) for r in Metrics(run / "metrics.jsonl").rows()] for run in (one, other)]
    if rows[0] != rows[1]:
        found.append("metrics.jsonl")
    bests = {best and best.step for best in (store.best(r / "checkpoints") for r in (one, other))}
    return found + ["the best"] * (len(bests) - 1)


def _untimed(facts: dict) -> dict:
    return {
        name: _untimed(value) if isinstance(value, dict) else value
        for name, value in facts.items()
        if name not in TIMES | NAMES
    }
