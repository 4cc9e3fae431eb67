"""PPO's training state, and its conversion from and to a checkpoint."""

from typing import Any

from rlctl.checkpoints.reading import Checkpoint
from rlctl.engines.ppo.networks import PolicyState, export
from rlctl.engines.ppo.update import LearnerState
from rlctl.engines.state import EngineState, load_progress, matching_arrays
from rlctl.policies.normalizer import Normalizer
from rlctl.rollouts.arrays import flatten, unflatten
from rlctl.rollouts.base import Arrays


class TrainState(EngineState):
    """Full training state; the learner is networks, normaliser, optimizer and random key."""

    learner: LearnerState

    def groups(self) -> dict[str, Arrays]:
        """Return the checkpoint's array groups."""
        return {
            "policy": flatten(export(self.learner.policy)),
            "train": flatten(_rest(self.learner)),
            "envs": self.envs,
        }


def load_policy(like: PolicyState, checkpoint: Checkpoint) -> PolicyState:
    """Load the networks and normaliser of a checkpoint, in the structure of `like`.

    Raises:
        Incompatible: Names or shapes differ.
    """
    nested = _restore(export(like), checkpoint, "policy")
    normalizer = Normalizer(**nested.pop("normalizer"))
    return PolicyState(nested, normalizer)


def load_train_state(like: LearnerState, checkpoint: Checkpoint) -> TrainState:
    """Load the full training state of a checkpoint, in the structure of an initial learner."""
    restored = _restore(_rest(like), checkpoint, "train")
    learner = LearnerState(load_policy(like.policy, checkpoint), **restored)
    return TrainState(learner, **load_progress(checkpoint))


def _rest(learner: LearnerState) -> dict[str, Any]:
    """Return everything but the policy."""
    rest = learner._asdict()
    del rest["policy"]
    return rest


def _restore(like: Any, checkpoint: Checkpoint, group: str) -> Any:
    """Return `like` with a checkpoint's arrays, after checking that names and shapes agree."""
    return unflatten(like, matching_arrays(flatten(like), checkpoint, group))
