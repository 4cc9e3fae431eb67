"""All that changes during a training by PPO, and its form in a checkpoint."""

from typing import Any

from rlctl.checkpoints.reading import Checkpoint
from rlctl.engines.ppo.networks import PolicyState, export
from rlctl.engines.ppo.update import LearnerState
from rlctl.engines.state import EngineState, arrays_like, progress_of
from rlctl.policies.normalizer import Normalizer
from rlctl.rollouts.arrays import flatten, unflatten
from rlctl.rollouts.base import Arrays


class TrainState(EngineState):
    """Everything; the learner is networks, normaliser, optimizer and random key."""

    learner: LearnerState

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
    learner = LearnerState(load_policy(like.policy, checkpoint), **restored)
    return TrainState(learner, **progress_of(checkpoint))


def _restore(like: Any, checkpoint: Checkpoint, group: str) -> Any:
    """`like` with a checkpoint's arrays, after checking that names and shapes agree."""
    return unflatten(like, arrays_like(flatten(like), checkpoint, group))
