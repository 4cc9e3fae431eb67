"""All that changes during a training, and its form in a checkpoint."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.errors import Incompatible
from rlctl.engines.ppo.networks import PolicyState, export
from rlctl.engines.ppo.update import LearnerState
from rlctl.policies.normalizer import Normalizer
from rlctl.rollouts.arrays import flatten, unflatten
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
    """

    steps: int = 0
    updates: int = 0
    episodes: int = 0
    seconds: float = 0.0
    best_step: int = -1
    best_return: float = -np.inf


@dataclass
class TrainState:
    """Everything; saving and loading it changes nothing.

    Attributes:
        learner: Networks, normaliser, optimizer, random key.
        counters: How far.
        envs: The driver's state, as of the last update's end.
        evaluation: Summary of the last evaluation, {} before any.
    """

    learner: LearnerState
    counters: Counters = field(default_factory=Counters)
    envs: Arrays = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)

    def groups(self) -> dict[str, Arrays]:
        """The checkpoint's array groups."""
        return {
            "policy": flatten(export(self.learner.policy)),
            "train": flatten({"optimizer": self.learner.optimizer, "key": self.learner.key}),
            "envs": self.envs,
        }


def load_policy(like: PolicyState, checkpoint: Checkpoint) -> PolicyState:
    """The networks and normaliser of a checkpoint, in the structure of `like`.

    Raises:
        Incompatible: Names or shapes differ.
    """
    nested = _restore(export(like), checkpoint, "policy")
    normalizer = Normalizer(**nested.pop("normalizer"))
    return PolicyState(nested, normalizer)


def load_train_state(like: LearnerState, checkpoint: Checkpoint) -> TrainState:
    """Everything in a checkpoint, in the structure of a fresh learner."""
    rest = {"optimizer": like.optimizer, "key": like.key}
    restored = _restore(rest, checkpoint, "train")
    facts = checkpoint.manifest
    best = facts["best"] or {"step": -1, "return": -np.inf}
    return TrainState(
        learner=LearnerState(load_policy(like.policy, checkpoint), **restored),
        counters=Counters(
            facts["step"],
            facts["updates"],
            facts["episodes"],
            facts["seconds"],
            best["step"],
            best["return"],
        ),
        envs=dict(checkpoint.groups["envs"]),
        evaluation=facts["metrics"],
    )


def _restore(like: Any, checkpoint: Checkpoint, group: str) -> Any:
    """`like` with a checkpoint's arrays, after checking that names and shapes agree."""
    arrays = checkpoint.groups[group]
    wanted = {name: array.shape for name, array in flatten(like).items()}
    given = {name: array.shape for name, array in arrays.items()}
    if wanted != given:
        name = min(set(wanted.items()) ^ set(given.items()))[0]
        raise Incompatible(
            f"{checkpoint.path} has {name} {given.get(name, 'nowhere')}; "
            f"these settings need {wanted.get(name, 'no such array')}",
            "use the network sizes and environment it was trained with "
            "(`rlctl inspect-ckpt` shows them)",
        )
    return unflatten(like, arrays)
