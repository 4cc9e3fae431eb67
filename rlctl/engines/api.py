"""The interface of an engine, and the types that it shares with the training actions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.config import Resolved
from rlctl.core.metrics import Metrics
from rlctl.core.progress import Progress


@dataclass(frozen=True)
class Hooks:
    """Connections of a training to its caller.

    Attributes:
        progress: Receives phases and events.
        stop: Returns the signal that requested a stop, None without one. Polled between updates.
        end_early: Returns whether to finish as if all steps were taken. Polled between updates.
    """

    progress: Progress = field(default_factory=Progress)
    stop: Callable[[], int | None] = lambda: None
    end_early: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Result:
    """The outcome of a training.

    Attributes:
        steps: Environment steps since the start of the run, resumed ones included.
        seconds: Wall time of this call.
        steps_per_second: Steps of this call over its seconds after the first update.
        checkpoint: The last checkpoint written.
        best_checkpoint: The checkpoint with the best evaluation return, None before any evaluation.
        evaluation: Summary of the last evaluation, {} before any.
        steps_before: Environment steps of earlier calls of this run.
        best: `step` and `return` of the best evaluation, None before any.
    """

    steps: int
    seconds: float
    steps_per_second: float
    checkpoint: Path
    best_checkpoint: Path | None
    evaluation: dict[str, Any]
    steps_before: int = 0
    best: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Sizes and counts of a training, computed before it starts. Engines add fields of their own.

    An engine that does not know a number leaves it 0.

    Attributes:
        steps: Total environment steps: train.steps rounded up to whole updates.
        steps_per_update: Environment steps in an update.
        updates: Number of updates.
        eval_every: Steps between evaluations, 0 for none. `evaluations.schedule_evals` fills in
            this and the following.
        eval_episodes: Episodes of an evaluation.
        save_every: Steps between checkpoints.
    """

    steps: int
    steps_per_update: int = 0
    updates: int = 0
    eval_every: int = 0
    eval_episodes: int = 0
    save_every: int = 0


AnyPlan = TypeVar("AnyPlan", bound=Plan)


class RunFiles(Protocol):
    """The files of a run that the training loop writes."""

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        ...

    @property
    def metrics(self) -> Metrics:
        """The metrics file."""
        ...


@dataclass(frozen=True, kw_only=True)
class TrainingJob(Generic[AnyPlan]):
    """A training to run.

    Attributes:
        env: The environment's catalog name.
        settings: Sections `train`, the engine's and `env`.
        plan: The engine's plan for these.
        run: The run that is written to.
        start: The checkpoint to start from, None to start from scratch.
        resume: Whether to restore the full training state of `start`, or only its policy.
    """

    env: str
    settings: Resolved
    plan: AnyPlan
    run: RunFiles
    start: Checkpoint | None = None
    resume: bool = False


@runtime_checkable
class Engine(Protocol):
    """A training algorithm: what the target of a row of `catalog.ENGINES` names."""

    def plan(self, settings: Resolved, env_name: str) -> Any:
        """Validate the settings; return a `Plan`.

        Raises:
            UsageError: The settings do not fit together, or not the environment.
        """
        ...

    def train(self, job: Any, hooks: Hooks) -> Result:
        """Run a `TrainingJob` with the plan of `plan`.

        Raises:
            Stopped: A signal came; everything up to the last update is saved.
            Diverged: Non-finite values; the last checkpoint is intact.
        """
        ...


@runtime_checkable
class MeasurableEngine(Engine, Protocol):
    """An engine that can estimate what a training takes."""

    def details(self, settings: Resolved, env_name: str, plan: Any) -> dict[str, Any]:
        """Return what `--dry-run` shows besides the plan: memory and disk in MiB, if known."""
        ...

    def probe(
        self, settings: Resolved, env_name: str, plan: Any, progress: Progress
    ) -> dict[str, Any]:
        """Run a few seconds of the training; return a `rlctl.engines.duration.DurationEstimate`."""
        ...
