"""Gymnasium's spaces as layouts.

Observations are Box, or dictionaries of them, flattened by name in the names' order; actions are
Box or Discrete, whose choices are numbered from 0. A component of an action that lacks a bound on
either side counts as unbounded, and is clipped to what bounds it has.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from rlctl.core.errors import UsageError
from rlctl.core.specs import ActionPart

HUGE = 1e30  # a bound this far away is none

Leaf = tuple[tuple[Any, ...], spaces.Box]  # the keys that lead to a Box, and the Box


def leaves(space: Any, name: str) -> list[Leaf]:
    """The Boxes of an observation space and their paths, sorted by name.

    Raises:
        UsageError: There is something else in it, or nothing; `name` is the environment's.
    """
    found = _leaves(space, name)
    if not sum(leaf.low.size for _, leaf in found):
        raise UsageError(
            f"{name} observes nothing: its observation space is {_short(space)}",
            "register an id whose environment is wrapped to observe something",
        )
    return found


def _leaves(space: Any, name: str) -> list[Leaf]:
    if isinstance(space, spaces.Box):
        return [((), space)]
    if isinstance(space, spaces.Dict):
        return [
            ((key, *path), leaf)
            for key in sorted(space.spaces, key=str)
            for path, leaf in _leaves(space[key], name)
        ]
    raise UsageError(
        f"{name} observes {_short(space)}; only Box observations and dictionaries of them can be "
        "trained on",
        "register an id whose environment is wrapped in gymnasium.wrappers.FlattenObservation",
    )


def flatten(layout: list[Leaf], observation: Any) -> np.ndarray:
    """An observation as (O,) float32, a new array; inf where float32 ends.

    Raises:
        ValueError: A part of it is missing or has another size than its space says.
    """
    parts = [_part(observation, path, leaf) for path, leaf in layout]
    whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
    if whole.dtype == np.float32:
        return whole.copy()
    with np.errstate(over="ignore"):
        return whole.astype(np.float32)


def _part(observation: Any, path: tuple[Any, ...], leaf: spaces.Box) -> np.ndarray:
    """The numbers (size,) of one Box in an observation."""
    for key in path:
        if not isinstance(observation, Mapping) or key not in observation:
            raise ValueError(f"its observation has no {part_name(path)}")
        observation = observation[key]
    part = np.asarray(observation)
    if part.size != leaf.low.size:
        raise ValueError(f"{part_name(path)} has shape {part.shape}, and {leaf.shape} by its space")
    return part.reshape(-1)


def part_name(path: tuple[Any, ...]) -> str:
    """What the Box at a path is called."""
    return "/".join(map(str, path)) or "observation"


def action_parts(space: Any, name: str) -> tuple[ActionPart, ...]:
    """The components of an action space.

    Raises:
        UsageError: It is of another kind; `name` is the environment's.
    """
    if isinstance(space, spaces.Discrete):
        meaning = f"one of {space.n} choices"
        return (ActionPart("action", 0, int(space.n) - 1, meaning=meaning, discrete=True),)
    if not isinstance(space, spaces.Box) or not np.issubdtype(space.dtype, np.floating):
        raise UsageError(
            f"{name} takes actions in {_short(space)}; only Discrete and real Box actions can be "
            "learnt",
            "register an id whose environment is wrapped to take one of these",
        )
    if not space.low.size:
        raise UsageError(f"{name} takes no action: its action space is {_short(space)}")
    bounds = zip(space.low.ravel().tolist(), space.high.ravel().tolist(), strict=True)
    return tuple(
        ActionPart(f"action_{i}", low, high)
        if max(abs(low), abs(high)) < HUGE
        else ActionPart(f"action_{i}", None, None)
        for i, (low, high) in enumerate(bounds)
    )


def accept(space: spaces.Box | spaces.Discrete, actions: np.ndarray) -> list[Any]:
    """Actions (n, A) float32 as members of the space, n of them.

    A choice comes as its number from 0: float32 does not hold every whole number beyond 2^24, so
    that where the choices of a space start is added here.
    """
    if isinstance(space, spaces.Discrete):
        return list((np.rint(actions[:, 0]).astype(np.int64) + space.start).astype(space.dtype))
    shaped = actions.reshape(-1, *space.shape).astype(space.dtype)
    bounded = np.clip(shaped, space.low, space.high)
    return [bounded[row, ...] for row in range(len(bounded))]


def _short(space: spaces.Space) -> str:
    text = str(space)
    return text if len(text) < 80 else type(space).__name__
