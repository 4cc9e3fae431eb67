"""TRPO's learner state, and the names of its arrays in a checkpoint."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rlctl.engines.trpo.networks import PolicyState
from rlctl.engines.trpo.value import Adam
from rlctl.rollouts.base import Arrays

_NESTED = (dict, tuple, Adam)


class Learner(NamedTuple):
    """The state that an update changes. Random generators are seeded by seed and update instead.

    Attributes:
        policy: Networks and normaliser.
        adam: Adam's state for the value function.
    """

    policy: PolicyState
    adam: Adam


def flatten(tree: Any) -> Arrays:
    """Name every leaf of a learner by its path and convert it to numpy."""
    found = {}
    for name, member in _members(tree):
        if isinstance(member, _NESTED):
            found |= {f"{name}/{rest}": array for rest, array in flatten(member).items()}
        else:
            found[name] = member.cpu().numpy() if isinstance(member, Tensor) else np.asarray(member)
    return found


def unflatten(like: Any, arrays: Arrays) -> Any:
    """Rebuild what `flatten` named, with the structure of `like` and on its devices."""

    def load(member: Any, name: str) -> Any:
        if isinstance(member, _NESTED):
            members = {n: load(m, f"{name}/{n}" if name else n) for n, m in _members(member)}
            return type(member)(**members)
        array = arrays[name]
        if isinstance(member, Tensor):
            return torch.from_numpy(array.copy()).to(member.device)
        return array

    return load(like, "")


def _members(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        yield from node.items()
    elif isinstance(node, Adam):
        yield from vars(node).items()
    else:
        yield from node._asdict().items()  # a named tuple
