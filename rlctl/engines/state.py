"""Training state that all engines share, and its conversion from and to a checkpoint."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.errors import Incompatible
from rlctl.rollouts.base import Arrays


@dataclass
class Counters:
    """Progress counters of a training.

    Attributes:
        steps: Environment steps.
        updates: Updates.
        episodes: Finished episodes.
        seconds: Wall time of training, summed over all resumed parts.
        best_step: Step of the best evaluation, -1 before any.
        best_return: Mean return of the best evaluation.
        evaluated: Step of the last evaluation, -1 before any.
    """

    steps: int = 0
    updates: int = 0
    episodes: int = 0
    seconds: float = 0.0
    best_step: int = -1
    best_return: float = -np.inf
    evaluated: int = -1

    @property
    def best(self) -> dict[str, Any] | None:
        """Return step and return of the best evaluation, None before any."""
        if self.best_step < 0:
            return None
        return {"step": self.best_step, "return": self.best_return}

    def set_best(self, entry: Mapping[str, Any] | None) -> None:
        """Set the best evaluation from a manifest's entry, None before any evaluation."""
        self.best_step, self.best_return = (-1, -np.inf)
        if entry is not None:
            self.best_step, self.best_return = entry["step"], entry["return"]


@dataclass
class EngineState(ABC):
    """Full training state; save and load round-trip exactly.

    Attributes:
        learner: The part that the engine's updates change.
        counters: Progress counters.
        envs: The driver's state, as of the last update's end.
        evaluation: Summary of the last evaluation, {} before any.
    """

    learner: Any
    counters: Counters = field(default_factory=Counters)
    envs: Arrays = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)

    @abstractmethod
    def groups(self) -> dict[str, Arrays]:
        """Return the checkpoint's array groups: `policy`, `train` and `envs`."""


AnyState = TypeVar("AnyState", bound=EngineState)


def load_progress(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the attributes of an EngineState, without the learner, from a checkpoint."""
    facts = checkpoint.manifest
    counters = Counters(
        facts["step"],
        facts["updates"],
        facts["episodes"],
        facts["seconds"],
        evaluated=facts["evaluated"],
    )
    counters.set_best(facts["best"])
    return {
        "counters": counters,
        "envs": dict(checkpoint.groups["envs"]),
        "evaluation": facts["metrics"],
    }


def matching_arrays(like: Mapping[str, Any], checkpoint: Checkpoint, group: str) -> Arrays:
    """Return a checkpoint's group of arrays after comparing names, shapes and dtypes with `like`.

    Raises:
        Incompatible: One differs.
    """
    arrays = checkpoint.groups[group]
    wanted = {name: f"{array.dtype}{list(array.shape)}" for name, array in like.items()}
    given = {name: f"{array.dtype}{list(array.shape)}" for name, array in arrays.items()}
    if wanted != given:
        name = min(set(wanted.items()) ^ set(given.items()))[0]
        raise Incompatible(
            f"{checkpoint.path} has {given.get(name, 'no array')} for {name}; "
            f"these settings need {wanted.get(name, 'no such array')}",
            "use the network sizes and environment it was trained with "
            "(`rlctl inspect-ckpt` shows them)",
        )
    return arrays
