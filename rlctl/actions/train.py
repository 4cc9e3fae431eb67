"""Train a policy, or go on with a training that was stopped."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlctl import catalog
from rlctl.actions import jobs
from rlctl.actions.jobs import TrainRequest
from rlctl.actions.watchers import make
from rlctl.actions.watchers.base import Watched, watching
from rlctl.checkpoints import store
from rlctl.core.errors import Incompatible, RlctlError, Stopped, StoppedUnsaved, UsageError
from rlctl.core.progress import Progress
from rlctl.core.runs import Run
from rlctl.engines.base import Hooks, Result

__all__ = ["TrainReport", "TrainRequest", "plan", "train"]


@dataclass(frozen=True)
class TrainReport:
    """What a training gave, where it lies, what was drawn, and how many seconds each phase took."""

    env: str
    algo: str
    run: Path
    result: Result
    plot: Path | None
    films: tuple[Path, ...]
    phases: dict[str, float]

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
            "steps_per_second": result.steps_per_second,
            "eval": result.evaluation,
            "plot": self.plot and str(self.plot),
            "films": [str(film) for film in self.films],
            "phases": self.phases,
        }


def train(
    request: TrainRequest,
    progress: Progress | None = None,
    stop: Callable[[], int | None] = lambda: None,
) -> TrainReport:
    """Train, from the beginning or from the newest whole checkpoint of a run.

    Choose the device (`rlctl.core.device.select`) before this is called.

    Args:
        request: What to train.
        progress: Told of phases and events.
        stop: Asked between updates for the signal that asks to stop.

    Raises:
        UsageError: Names or settings that cannot be used; nothing was written.
        Stopped: A signal asked to stop, and the run can be resumed.
        RlctlError: Everything else that can go wrong, see `rlctl.core.errors`; its data names the
            run.
    """
    progress = progress or Progress()
    begin = jobs.new if request.resume is None else jobs.resumed
    job = begin(request, progress)
    with job.run, _naming(job.run):
        start = job.start.step if job.resume and job.start is not None else 0
        progress.event(
            "start",
            run=str(job.run.folder),
            env=job.env,
            algo=job.algo,
            steps=start,
            total=job.settings["train"].steps,
        )
        engine = catalog.load(catalog.engine(job.algo).target)
        hooks = Hooks(progress=progress, stop=stop)
        watched = Watched(
            job.run.folder, job.env, job.algo, job.settings, start, progress=progress, stop=stop
        )
        with watching(tuple(make.watchers(watched)), progress):
            if stop() is not None:
                raise StoppedUnsaved("stopped before the training began")
            try:
                result = engine(job.settings, job.env, job.run, hooks, job.start, job.resume)
            except Incompatible:
                if not job.resume:
                    job.run.discard()
                raise
    plot, films = make.drawn(job.run.folder)
    seconds = dict(progress.seconds)
    return TrainReport(job.env, job.algo, job.run.folder, result, plot, films, seconds)


def plan(request: TrainRequest, progress: Progress | None = None) -> dict[str, Any]:
    """What `train` would do, without doing it.

    Returns:
        The engine's plan, with the environment, the algorithm, the presets and the settings.

    Raises:
        UsageError: As `train`.
    """
    if request.resume is not None:
        raise UsageError("--dry-run plans new trainings, not --resume", "leave one of the two out")
    made = jobs.planned(request, progress or Progress())
    origins = made.settings.origins
    return {
        "env": made.env,
        "algo": made.algo,
        "presets": [at for at in dict.fromkeys(origins.values()) if at.startswith("preset ")],
        **made.plan,
        "settings": made.settings.to_json(),
        "origins": origins,
    }


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
