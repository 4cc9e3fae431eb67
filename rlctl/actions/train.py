"""Train a policy, or resume a training."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rlctl.actions import training_setup
from rlctl.actions.listener import Listener, StopTraining
from rlctl.actions.training_setup import TrainingSetup, TrainRequest
from rlctl.actions.verdict import Verdict, make_verdict
from rlctl.callbacks import factory
from rlctl.callbacks.base import TrainingInfo, attached
from rlctl.checkpoints import store
from rlctl.core.errors import (
    Diverged,
    Incompatible,
    RlctlError,
    Stopped,
    StoppedUnsaved,
    UsageError,
)
from rlctl.core.progress import Progress
from rlctl.core.spawned import exit_if_spawning
from rlctl.engines.api import Hooks, MeasurableEngine, Result
from rlctl.engines.config import TrainConfig

__all__ = ["Listener", "StopTraining", "TrainReport", "TrainRequest", "plan", "train"]


@dataclass(frozen=True, repr=False)
class TrainReport:
    """Report of a training. It is accepted wherever a run is.

    Attributes:
        env: The environment.
        algo: The algorithm.
        run: The run's folder.
        result: Steps, checkpoints and the last evaluation.
        verdict: Comparison with the target return, None without a target or an evaluation.
        plot: The plot of the learning curves, None without one.
        films: The videos, the oldest first.
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
    """Train a new run, or resume a run from its newest intact checkpoint.

    Call `rlctl.core.device.select` first: it has to precede the import of JAX or PyTorch.

    Args:
        request: What to train.
        progress: Receives phases and events.
        stop: Polled between updates; returns the signal that asked to stop, None without one.
        listener: Receives the events, and may end the training.

    Raises:
        UsageError: A name or setting is invalid; nothing was written.
        Stopped: A signal asked to stop; the run can be resumed.
        RlctlError: Any other failure, see `rlctl.core.errors`; its data names the run.
        BaseException: An exception of the listener; the training is saved.
    """
    exit_if_spawning()
    progress, listener = progress or Progress(), listener or Listener()
    with progress.subscribed(listener):
        if request.resume is None:
            setup = training_setup.create(request, progress)
        else:
            setup = training_setup.resume(request.resume, request, progress)
        with setup.run, _run_in_errors(setup):
            result = _train(setup, progress, stop, listener)
    folder = setup.run.folder
    plot, videos = factory.find_outputs(folder)
    verdict = make_verdict(setup.settings[TrainConfig], folder, result)
    phases = dict(progress.seconds)
    return TrainReport(setup.env, setup.algo, folder, result, verdict, plot, videos, phases)


def _train(
    setup: TrainingSetup, progress: Progress, stop: Callable[[], int | None], listener: Listener
) -> Result:
    folder, settings = setup.run.folder, setup.settings
    start = setup.start.step if setup.resume and setup.start is not None else 0
    progress.event(
        "start",
        run=str(folder),
        env=setup.env,
        algo=setup.algo,
        steps=start,
        total=settings[TrainConfig].steps,
    )
    engine = training_setup.load_engine(setup.algo)
    hooks = Hooks(progress=progress, stop=stop, end_early=lambda: listener.stopped)
    training = TrainingInfo(folder, setup.env, setup.algo, settings, start, progress, stop)
    with attached(tuple(factory.make_callbacks(training)), progress):
        if stop() is not None:
            raise StoppedUnsaved("stopped before the training began")
        listener.raise_error()
        try:
            result = engine.train(setup, hooks)
        except Exception as error:
            # Refused, or failed in the engine's code: an empty run has nothing worth resuming.
            failed_to_start = isinstance(error, Incompatible | UsageError) or not isinstance(
                error, RlctlError
            )
            if failed_to_start and not setup.resume and not store.steps(setup.run.checkpoints):
                setup.run.discard()
            raise
        listener.raise_error(f"{folder} is saved at step {result.steps:,} and can be resumed")
    return result


def plan(request: TrainRequest, progress: Progress | None = None) -> dict[str, Any]:
    """Return what `train` would do and an estimate of its duration, without training.

    Returns:
        The engine's plan, with environment, algorithm, presets and settings. `probe` is measured
        in a few seconds of training; None where the engine has no `probe`.

    Raises:
        UsageError: As `train`.
        RlctlError: The training fails in its first seconds.
    """
    progress = progress or Progress()
    if request.resume is not None:
        raise UsageError(
            "--dry-run plans a new training and cannot be combined with --resume",
            "leave one of the two out",
        )
    new = training_setup.resolve_new(request, progress)
    origins = new.settings.origins
    with _compilation_cache_read_only():
        engine = training_setup.load_engine(new.algo)
        measured = (
            engine.probe(new.settings, new.env, new.plan, progress)
            if isinstance(engine, MeasurableEngine)
            else None
        )
    return {
        "env": new.env,
        "algo": new.algo,
        "presets": [at for at in dict.fromkeys(origins.values()) if at.startswith("preset ")],
        **asdict(new.plan),
        **new.details,
        "probe": measured,
        "settings": new.settings.to_json(),
        "origins": origins,
    }


@contextmanager
def _compilation_cache_read_only() -> Iterator[None]:
    """Let JAX read its compilation cache, but write nothing to it."""
    import jax

    name = "jax_persistent_cache_min_compile_time_secs"
    before = getattr(jax.config, name)  # only programs that compile longer are written
    jax.config.update(name, 1e9)
    try:
        yield
    finally:
        jax.config.update(name, before)


@contextmanager
def _run_in_errors(setup: TrainingSetup) -> Iterator[None]:
    """Attach run and last checkpoint to errors; complete the hints with what a training can do."""
    run = setup.run
    try:
        yield
    except RlctlError as error:
        saved = store.steps(run.checkpoints)
        last = str(store.step_folder(run.checkpoints, saved[-1])) if saved else None
        if run.config_path.exists():
            error.data = {"run": str(run.folder), "checkpoint": last, **error.data}
        if isinstance(error, (Stopped, StoppedUnsaved)) and not error.hint:
            error.hint = f"rlctl train --resume {shlex.quote(str(run.folder))}"
        if isinstance(error, Diverged) and "environment" in error.data:
            engine = training_setup.load_engine(setup.algo)
            own = getattr(engine, "diverged_hint", "lower the learning rate")
            error.hint = f"{error.hint}; {own}; or continue with --set train.on_nonfinite=reset"
        if isinstance(error, Diverged) and last and "intact" not in error.hint:
            error.hint = f"the last checkpoint is intact; {error.hint}"
        raise
