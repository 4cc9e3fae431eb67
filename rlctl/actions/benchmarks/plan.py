"""Benchmark request, and the trainings it consists of."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlctl.actions.benchmarks.trainings import Task
from rlctl.actions.config import resolve_training
from rlctl.core import checkpoint_names
from rlctl.core.errors import UsageError
from rlctl.core.lock import FILES
from rlctl.core.runs import Run, read_config, runs_root
from rlctl.engines.config import TrainConfig

FIXED = (
    "train.stop_at_target=false",  # scores are compared after the same number of steps
    "train.plot=false",  # the benchmark plots all runs together
)


@dataclass(frozen=True)
class BenchmarkRequest:
    """Request for a benchmark: the trainings and the checks.

    Attributes:
        envs: Environments.
        algo: Algorithm.
        seeds: Trainings per environment, with seeds 0 to seeds - 1.
        steps: Environment steps of each training.
        jobs: Number of concurrent trainings.
        out: The benchmark's folder, None for one under the runs folder.
        config: A TOML file of settings.
        overrides: "section.key=value", as --set takes them.
        physics: Physics back end, None for that of the settings.
        device: Device to compute on.
        min_return: Environment -> smallest mean return over seeds that passes.
        min_share: Smallest fraction of an environment's seeds that must learn, which means to
            reach `train.target_return` in an evaluation.
        against: results.json of an earlier benchmark, for the regression check.
    """

    envs: tuple[str, ...]
    algo: str
    seeds: int
    steps: int
    jobs: int = 1
    out: Path | None = None
    config: Path | None = None
    overrides: tuple[str, ...] = ()
    physics: str | None = None
    device: str = "auto"
    min_return: Mapping[str, float] = field(default_factory=dict)
    min_share: float = 0.0
    against: Path | None = None

    @property
    def folder(self) -> Path:
        """The benchmark's folder."""
        return self.out if self.out is not None else runs_root() / f"benchmark-{self.algo}"


def tasks_of(request: BenchmarkRequest) -> list[Task]:
    """Return all trainings, ordered by seed.

    Raises:
        UsageError: A name or setting is invalid, or differs from those of the existing runs.
        NotFound: The settings file does not exist.
    """
    return [_task(request, env, seed) for seed in range(request.seeds) for env in request.envs]


def _task(request: BenchmarkRequest, env: str, seed: int) -> Task:
    flags = {"train.steps": request.steps, "train.seed": seed, "train.physics": request.physics}
    overrides = (*request.overrides, *FIXED)
    settings = resolve_training(env, request.algo, request.config, overrides, flags)
    if request.min_share and settings[TrainConfig].target_return is None:
        raise UsageError(
            f"--min-share needs a target return, and {env} has none",
            "set the return that counts as learned: --set train.target_return=X",
        )
    name = f"{env}-s{seed}".replace(":", "_").replace("/", "_")
    folder = request.folder / "runs" / name
    wanted = {"env": env, "algo": request.algo, "settings": settings.to_json()}
    if (folder / "config.json").is_file():
        _check_same(folder, read_config(folder), wanted)
    arguments = [env, "--algo", request.algo, "--out", str(folder), "--device", request.device]
    arguments += ["--steps", str(request.steps), "--seed", str(seed)]
    arguments += ["--config", str(request.config)] if request.config else []
    arguments += ["--physics", request.physics] if request.physics else []
    arguments += [part for text in overrides for part in ("--set", text)]
    log = request.folder / "logs" / f"{name}.log"
    return Task(env, seed, folder, log, tuple(arguments))


def _check_same(folder: Path, saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to mix trainings of different settings in one benchmark."""
    old, new = _flat(saved), _flat(wanted)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            raise UsageError(
                f"{folder} was trained with {name} = {old.get(name)}, not {new.get(name)}",
                "give the same settings as before, or another --out",
            )


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    sections = config.get("settings", {})
    values = {f"{s}.{key}": value for s, items in sections.items() for key, value in items.items()}
    return {"env": config.get("env"), "algo": config.get("algo"), **values}


def resumed_or_new(task: Task, device: str) -> Task:
    """Return a task that resumes the run if it has a checkpoint; delete a run without one.

    Raises:
        RunInUse: Another process uses the run.
    """
    if checkpoint_names.steps(task.folder / checkpoint_names.FOLDER):
        arguments = (task.env, "--resume", str(task.folder), "--device", device)
        return Task(task.env, task.seed, task.folder, task.log, arguments)
    if task.folder.is_dir() and _is_stub(task.folder):  # it ended before its first checkpoint
        with Run(task.folder):
            pass  # raises RunInUse if another process holds the lock
        shutil.rmtree(task.folder)
    return task


def _is_stub(folder: Path) -> bool:
    """Tell whether a folder holds only the files that a run starts with."""
    initial = {"config.json", "metrics.jsonl", checkpoint_names.FOLDER, "tensorboard", "wandb"}
    return {path.name for path in folder.iterdir()} <= FILES | initial
