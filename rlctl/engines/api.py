"""The interface of an engine: a module with `train`, `plan` and, optionally, `probe`.

The catalog's row of an engine names its `train`; `plan` and `probe` are looked up in its module.
"""

from collections.abc import Callable
from dataclasses import Field, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.config import Resolved
from rlctl.core.metrics import Metrics
from rlctl.core.progress import Progress
from rlctl.core.runs import Run


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


class Schedule(Protocol):
    """The part of an engine's plan, a frozen dataclass, that the training loop needs."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def steps_per_update(self) -> int:
        """Environment steps in an update."""
        ...

    @property
    def steps(self) -> int:
        """Environment steps in all."""
        ...

    @property
    def eval_every(self) -> int:
        """Steps between evaluations, 0 for none."""
        ...

    @property
    def eval_episodes(self) -> int:
        """Episodes of an evaluation."""
        ...

    @property
    def save_every(self) -> int:
        """Steps between checkpoints."""
        ...


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


@runtime_checkable
class Engine(Protocol):
    """The module of an engine."""

    def train(
        self,
        settings: Resolved,
        env_name: str,
        run: Run,
        hooks: Hooks,
        start: Checkpoint | None = None,
        resume: bool = False,
    ) -> Result:
        """Train a policy, from the networks of `start`, or continue `start` exactly if `resume`.

        Raises:
            Stopped: A signal came; everything up to the last update is saved.
            Diverged: Non-finite values; the last checkpoint is intact.
        """
        ...

    def plan(self, settings: Resolved, env_name: str) -> dict[str, Any]:
        """Validate the settings; return what `--dry-run` prints: `steps` at least.

        Raises:
            UsageError: The settings do not fit together.
        """
        ...


@runtime_checkable
class MeasurableEngine(Engine, Protocol):
    """The module of an engine that can estimate how long a training takes."""

    def probe(self, settings: Resolved, env_name: str, progress: Progress) -> dict[str, Any]:
        """Run a few seconds of the training; return a `rlctl.engines.duration.DurationEstimate`."""
        ...
