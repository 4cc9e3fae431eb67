"""Gymnasium's spaces as layouts.

Observations are Box, or dictionaries of them, flattened by name in the names' order; actions are
Box or Discrete. A component of an action that lacks a bound on either side counts as unbounded, and
is clipped to what bounds it has.
"""

import numpy as np
from gymnasium import spaces

from rlctl.core.errors import UsageError
from rlctl.core.specs import ActionPart

HUGE = 1e30  # a bound this far away is none


def leaves(space: spaces.Space, name: str) -> list[tuple[tuple[str, ...], spaces.Box]]:
    """The Boxes of an observation space and their paths, sorted by name.

    Raises:
        UsageError: There is something else in it; `name` is the environment's.
    """
    if isinstance(space, spaces.Box):
        return [((), space)]
    if isinstance(space, spaces.Dict):
        return [
            ((str(key), *path), leaf)
            for key in sorted(space.spaces)
            for path, leaf in leaves(space[key], name)
        ]
    raise UsageError(
        f"{name} observes {_short(space)}; only Box observations and dictionaries of them can be "
        "trained on",
        "register an id whose environment is wrapped in gymnasium.wrappers.FlattenObservation",
    )


def action_parts(space: spaces.Space, name: str) -> tuple[ActionPart, ...]:
    """The components of an action space.

    Raises:
        UsageError: It is of another kind; `name` is the environment's.
    """
    if isinstance(space, spaces.Discrete):
        low = int(space.start)
        meaning = f"one of {space.n} choices"
        return (ActionPart("action", low, low + int(space.n) - 1, meaning=meaning, discrete=True),)
    if not isinstance(space, spaces.Box) or not np.issubdtype(space.dtype, np.floating):
        raise UsageError(
            f"{name} takes actions in {_short(space)}; only Discrete and real Box actions can be "
            "learnt",
            "register an id whose environment is wrapped to take one of these",
        )
    bounds = zip(space.low.ravel().tolist(), space.high.ravel().tolist(), strict=True)
    return tuple(
        ActionPart(f"action_{i}", low, high)
        if max(abs(low), abs(high)) < HUGE
        else ActionPart(f"action_{i}", None, None)
        for i, (low, high) in enumerate(bounds)
    )


def _short(space: spaces.Space) -> str:
    text = str(space)
    return text if len(text) < 80 else type(space).__name__
