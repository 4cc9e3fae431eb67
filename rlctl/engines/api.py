"""What every engine is: a function from settings, a run and hooks to a result.

`train(settings, run, hooks) -> Result`. All that changes during training is one `TrainState`;
saving and loading it changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rlctl.core.progress import Progress


@dataclass(frozen=True)
class Hooks:
    """The outside world, as an engine sees it.

    Attributes:
        progress: Told of phases and events.
        stop: The signal that asked to stop, None while none did; asked between updates.
        enough: Whether to end before all steps are taken, as if they were; asked between updates.
    """

    progress: Progress = field(default_factory=Progress)
    stop: Callable[[], int | None] = lambda: None
    enough: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Result:
    """What a training gave.

    Attributes:
        steps: Environment steps since the start of the run, resumed ones included.
        seconds: Wall time of this call.
        steps_per_second: Steps of this call over its seconds after the first update.
        checkpoint: The last one written.
        best_checkpoint: The one with the best evaluation return, None before any evaluation.
        evaluation: The last evaluation's summary, {} before any.
        before: Those of the steps that earlier calls took.
        best: `step` and `return` of the best evaluation, None before any.
    """

    steps: int
    seconds: float
    steps_per_second: float
    checkpoint: Path
    best_checkpoint: Path | None
    evaluation: dict[str, Any]
    before: int = 0
    best: dict[str, Any] | None = None


class Schedule(Protocol):
    """What the loop must know of an engine's plan.

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
