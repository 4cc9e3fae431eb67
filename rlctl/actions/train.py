"""Train a policy, or go on with a training that was stopped."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlctl import catalog
from rlctl.actions import training_setup
from rlctl.actions.listener import Listener, StopTraining
from rlctl.actions.training_setup import TrainingSetup, TrainRequest
from rlctl.actions.verdict import Verdict, verdict
from rlctl.callbacks import factory
from rlctl.callbacks.base import TrainingInfo, attached
from rlctl.checkpoints import store
from rlctl.core.errors import Incompatible, RlctlError, Stopped, StoppedUnsaved, UsageError
from rlctl.core.progress import Progress
from rlctl.core.runs import Run
from rlctl.core.spawned import exit_if_spawning
from rlctl.engines.api import Hooks, Result

__all__ = ["Listener", "StopTraining", "TrainReport", "TrainRequest", "plan", "train"]


@dataclass(frozen=True, repr=False)
class TrainReport:
    """What a training gave. Wherever a run is asked for, its report will do.

    Attributes:
        env: The environment.
        algo: The algorithm.
        run: The run's folder.
        result: Steps, checkpoints and the last evaluation.
        verdict: Whether it learned, None without a target return or an evaluation.
        plot: The picture of the learning curves, None without one.
        films: The films, the first one first.
        phases: Phase -> its seconds.
    """

    env: str
    algo: str
    run: Path
    result: Result
    verdict: Verdict | None
    plot: Path | None
    films: tuple[Path, ...]
    phases: dict[str, float]

    @property
    def steps(self) -> int:
        """Environment steps since the start of the run."""
        return self.result.steps

    @property
    def checkpoint(self) -> Path:
        """The last checkpoint."""
        return self.result.checkpoint

    @property
    def best_checkpoint(self) -> Path | None:
        """The checkpoint of the best evaluation, None without any evaluation."""
        return self.result.best_checkpoint

    @property
    def mean_return(self) -> float | None:
        """Mean return of the last evaluation, None without any."""
        return self.result.evaluation.get("return", {}).get("mean")

    def __fspath__(self) -> str:
        return str(self.run)

    def __repr__(self) -> str:
        score = "" if self.mean_return is None else f" return {self.mean_return:.4g},"
        return (
            f"TrainReport({self.env}, {self.algo}: {self.steps:,} steps,{score} {self.checkpoint})"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        result = self.result
        return {
            "env": self.env,
            "algo": self.algo,
            "run": str(self.run),
            "checkpoint": str(result.checkpoint),
            "best_checkpoint": result.best_checkpoint and str(result.best_checkpoint),
            "steps": result.steps,
            "seconds": result.seconds,
            "steps_before": result.steps_before,
            "steps_per_second": result.steps_per_second,
            "steps_per_second_overall": (result.steps - result.steps_before)
            / max(result.seconds, 1e-9),
            "eval": result.evaluation,
            "verdict": self.verdict and self.verdict.to_json(),
            "best": result.best,
            "plot": self.plot and str(self.plot),
            "films": [str(film) for film in self.films],
            "phases": self.phases,
        }


def train(
    request: TrainRequest,
    progress: Progress | None = None,
    stop: Callable[[], int | None] = lambda: None,
    listener: Listener | None = None,
) -> TrainReport:
    """Train, from the beginning or from the newest whole checkpoint of a run.

    Choose the device (`rlctl.core.device.select`) before this is called.

    Args:
        request: What to train.
        progress: Told of phases and events.
        stop: Asked between updates for the signal that asks to stop.
        listener: Told of events, and may end the training.

    Raises:
        UsageError: Names or settings that cannot be used; nothing was written.
        Stopped: A signal asked to stop, and the run can be resumed.
        RlctlError: Everything else that can go wrong, see `rlctl.core.errors`; its data names the
            run.
        BaseException: What the listener raised; all is saved.
    """
    exit_if_spawning()
    progress, listener = progress or Progress(), listener or Listener()
    with progress.subscribed(listener):
        begin = training_setup.new if request.resume is None else training_setup.resumed
        job = begin(request, progress)
        with job.run, _naming(job.run):
            result = _train(job, progress, stop, listener)
    plot, films = factory.drawn(job.run.folder)
    seconds = dict(progress.seconds)
    judged = verdict(job.settings["train"], job.run.folder, result)
    return TrainReport(job.env, job.algo, job.run.folder, result, judged, plot, films, seconds)


def _train(
    job: TrainingSetup, progress: Progress, stop: Callable[[], int | None], listener: Listener
) -> Result:
    folder, settings = job.run.folder, job.settings
    start = job.start.step if job.resume and job.start is not None else 0
    progress.event(
        "start",
        run=str(folder),
        env=job.env,
        algo=job.algo,
        steps=start,
        total=settings["train"].steps,
    )
    engine = catalog.load(catalog.engine(job.algo).target)
    hooks = Hooks(progress=progress, stop=stop, end_early=lambda: listener.over)
    info = TrainingInfo(folder, job.env, job.algo, settings, start, progress=progress, stop=stop)
    with attached(tuple(factory.callbacks(info)), progress):
        if stop() is not None:
            raise StoppedUnsaved("stopped before the training began")
        listener.check()
        try:
            result = engine(settings, job.env, job.run, hooks, job.start, job.resume)
        except Exception as error:
            never_began = isinstance(error, Incompatible | UsageError) or not isinstance(
                error, RlctlError
            )
            if never_began and not job.resume and not store.steps(job.run.checkpoints):
                job.run.discard()
            raise
        listener.check(f"{folder} is saved at step {result.steps:,} and can be resumed")
    return result


def plan(request: TrainRequest, progress: Progress | None = None) -> dict[str, Any]:
    """What `train` would do, and how long it would take, without doing it.

    Returns:
        The engine's plan, with the environment, the algorithm, the presets and the settings; as
        `probe` what a few seconds of the training told, None where an engine cannot be measured.

    Raises:
        UsageError: As `train`.
        RlctlError: What stops the training in its first seconds.
    """
    progress = progress or Progress()
    if request.resume is not None:
        raise UsageError("--dry-run plans new trainings, not --resume", "leave one of the two out")
    made = training_setup.planned(request, progress)
    origins = made.settings.origins
    with _no_program_kept():
        probe = training_setup.engine(made.algo, "probe")
        measured = probe and probe(made.settings, made.env, progress)
    return {
        "env": made.env,
        "algo": made.algo,
        "presets": [at for at in dict.fromkeys(origins.values()) if at.startswith("preset ")],
        **made.plan,
        "probe": measured,
        "settings": made.settings.to_json(),
        "origins": origins,
    }


@contextmanager
def _no_program_kept() -> Iterator[None]:
    """Have jax read the programs it keeps on the disk, and add none."""
    import jax

    name = "jax_persistent_cache_min_compile_time_secs"
    before = getattr(jax.config, name)
    jax.config.update(name, 1e9)
    try:
        yield
    finally:
        jax.config.update(name, before)


@contextmanager
def _naming(run: Run) -> Iterator[None]:
    """Have every error name the run and what it saved last, and a stop say how to go on."""
    try:
        yield
    except RlctlError as error:
        saved = store.steps(run.checkpoints)
        last = str(store.step_folder(run.checkpoints, saved[-1])) if saved else None
        if run.config_path.exists():
            error.data = {"run": str(run.folder), "checkpoint": last, **error.data}
        if isinstance(error, (Stopped, StoppedUnsaved)) and not error.hint:
            error.hint = f"rlctl train --resume {shlex.quote(str(run.folder))}"
        raise
