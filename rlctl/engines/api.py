"""The interface of an engine: a module with `train`, `plan` and, optionally, `probe`.

The catalog's row of an engine names its `train`. `plan` and `probe` are looked up in its module:

    train(settings: Resolved, env_name: str, run: Run, hooks: Hooks,
          start: Checkpoint | None, resume: bool) -> Result
    plan(settings: Resolved, env_name: str) -> dict[str, Any]
    probe(settings: Resolved, env_name: str, progress: Progress) -> dict[str, Any]

`train` trains a policy. It begins with the networks of `start`, or continues `start` exactly if
`resume`. It raises `Stopped` after a signal, and `Diverged` for non-finite values.

`plan` validates the settings and returns what `--dry-run` prints: `steps` at least. It raises
`UsageError` for settings that do not fit together.

`probe` runs a few seconds of the training and returns an estimate of its duration, with the keys of
`rlctl.engines.duration.DurationEstimate`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

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


class Schedule(Protocol):
    """The part of an engine's plan that the training loop needs.

    Attributes:
        steps_per_update: Environment steps in an update.
        steps: Environment steps in all.
        eval_every: Steps between evaluations, 0 for none.
        eval_episodes: Episodes of an evaluation.
        save_every: Steps between checkpoints.
    """

    steps_per_update: int
    steps: int
    eval_every: int
    eval_episodes: int
    save_every: int
