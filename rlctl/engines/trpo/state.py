"""All that changes during a training by TRPO, and its form in a checkpoint."""

from typing import NamedTuple

import torch

from rlctl.checkpoints.reading import Checkpoint
from rlctl.engines.state import EngineState, arrays_like, progress_of
from rlctl.engines.trpo.networks import PolicyState, export, restored
from rlctl.engines.trpo.value import Adam
from rlctl.rollouts.base import Arrays


class Learner(NamedTuple):
    """What an update changes.

    Attributes:
        policy: Networks and normaliser.
        adam: The value fit's memory.
    """

    policy: PolicyState
    adam: Adam

    def arrays(self) -> Arrays:
        """The checkpoint's group `train`."""
        return {f"adam/{name}": x.cpu().numpy() for name, x in self.adam._asdict().items()}


class TrainState(EngineState):
    """Everything. Random draws depend on the seed and the number of the update alone."""

    learner: Learner

    def groups(self) -> dict[str, Arrays]:
        """The checkpoint's array groups."""
        return {
            "policy": export(self.learner.policy),
            "train": self.learner.arrays(),
            "envs": self.envs,
        }


def load_policy(like: PolicyState, checkpoint: Checkpoint) -> PolicyState:
    """The networks and normaliser of a checkpoint, on the device of `like`.

    Raises:
        Incompatible: Names or shapes differ.
    """
    return restored(like, arrays_like(export(like), checkpoint, "policy"))


def load_train_state(like: Learner, checkpoint: Checkpoint) -> TrainState:
    """Everything in a checkpoint, on the device of a fresh learner."""
    arrays = arrays_like(like.arrays(), checkpoint, "train")
    device = like.adam.mean.device
    memory = [torch.from_numpy(arrays[f"adam/{name}"].copy()).to(device) for name in Adam._fields]
    learner = Learner(load_policy(like.policy, checkpoint), Adam(*memory))
    return TrainState(learner, **progress_of(checkpoint))
