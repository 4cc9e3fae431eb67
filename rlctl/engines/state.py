"""What changes during every training, whichever the engine, and its form in a checkpoint."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.errors import Incompatible
from rlctl.rollouts.base import Arrays


@dataclass
class Counters:
    """How far a training is.

    Attributes:
        steps: Environment steps.
        updates: Updates.
        episodes: Episodes ended.
        seconds: Wall time of training, all resumed parts together.
        best_step: Step of the best evaluation, -1 before any.
        best_return: Its mean return.
        evaluated: Step of the last evaluation, -1 before any.
    """

    steps: int = 0
    updates: int = 0
    episodes: int = 0
    seconds: float = 0.0
    best_step: int = -1
    best_return: float = -np.inf
    evaluated: int = -1

    def best(self) -> dict[str, Any] | None:
        """The best evaluation as manifests have it, None before any."""
        if self.best_step < 0:
            return None
        return {"step": self.best_step, "return": self.best_return}

    def take_best(self, entry: Mapping[str, Any] | None) -> None:
        """Have the best be what a manifest says of it, None before any evaluation."""
        self.best_step, self.best_return = (-1, -np.inf)
        if entry is not None:
            self.best_step, self.best_return = entry["step"], entry["return"]


@dataclass
class EngineState(ABC):
    """Everything; saving and loading it changes nothing.

    Attributes:
        learner: What the engine's updates change.
        counters: How far.
        envs: The driver's state, as of the last update's end.
        evaluation: Summary of the last evaluation, {} before any.
    """

    learner: Any
    counters: Counters = field(default_factory=Counters)
    envs: Arrays = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)

    @abstractmethod
    def groups(self) -> dict[str, Arrays]:
        """The checkpoint's array groups: `policy`, `train` and `envs`."""


def progress_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """The attributes of an EngineState but for the learner, as a checkpoint holds them."""
    facts = checkpoint.manifest
    counters = Counters(
        facts["step"],
        facts["updates"],
        facts["episodes"],
        facts["seconds"],
        evaluated=facts["evaluated"],
    )
    counters.take_best(facts["best"])
    return {
        "counters": counters,
        "envs": dict(checkpoint.groups["envs"]),
        "evaluation": facts["metrics"],
    }


def arrays_like(like: Mapping[str, Any], checkpoint: Checkpoint, group: str) -> Arrays:
    """A checkpoint's group of arrays, once their names, shapes and dtypes are those of `like`.

    Raises:
        Incompatible: They are not.
    """
    arrays = checkpoint.groups[group]
    wanted = {name: f"{array.dtype}{list(array.shape)}" for name, array in like.items()}
    given = {name: f"{array.dtype}{list(array.shape)}" for name, array in arrays.items()}
    if wanted != given:
        name = min(set(wanted.items()) ^ set(given.items()))[0]
        raise Incompatible(
            f"{checkpoint.path} has {name} {given.get(name, 'nowhere')}; "
            f"these settings need {wanted.get(name, 'no such array')}",
            "use the network sizes and environment it was trained with "
            "(`rlctl inspect-ckpt` shows them)",
        )
    return arrays
