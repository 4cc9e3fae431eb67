"""TRPO's training state, and its conversion from and to a checkpoint."""

from dataclasses import fields
from typing import NamedTuple

import torch

from rlctl.checkpoints.reading import Checkpoint
from rlctl.engines.state import EngineState, load_progress, matching_arrays
from rlctl.engines.trpo.networks import PolicyState, export, from_arrays
from rlctl.engines.trpo.value import Adam
from rlctl.rollouts.base import Arrays


class Learner(NamedTuple):
    """The state that an update changes.

    Attributes:
        policy: Networks and normaliser.
        adam: Adam's state for the value function.
    """

    policy: PolicyState
    adam: Adam

    def arrays(self) -> Arrays:
        """Return the checkpoint's group `train`."""
        return {f"adam/{name}": x.cpu().numpy() for name, x in vars(self.adam).items()}


class TrainState(EngineState):
    """Full training state. It has no random key: generators are seeded by seed and update."""

    learner: Learner

    def groups(self) -> dict[str, Arrays]:
        """Return the checkpoint's array groups."""
        return {
            "policy": export(self.learner.policy),
            "train": self.learner.arrays(),
            "envs": self.envs,
        }


def load_policy(like: PolicyState, checkpoint: Checkpoint) -> PolicyState:
    """Load the networks and normaliser of a checkpoint, on the device of `like`.

    Raises:
        Incompatible: Names or shapes differ.
    """
    return from_arrays(like, matching_arrays(export(like), checkpoint, "policy"))


def load_train_state(like: Learner, checkpoint: Checkpoint) -> TrainState:
    """Load the full training state of a checkpoint, on the device of an initial learner."""
    arrays = matching_arrays(like.arrays(), checkpoint, "train")
    device = like.adam.mean.device
    saved = (arrays[f"adam/{field.name}"] for field in fields(Adam))
    moments = (torch.from_numpy(array.copy()).to(device) for array in saved)
    learner = Learner(load_policy(like.policy, checkpoint), Adam(*moments))
    return TrainState(learner, **load_progress(checkpoint))
