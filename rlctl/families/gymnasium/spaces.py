"""Conversion of Gymnasium spaces to specs, and of their members to arrays.

Observations are Box, or dictionaries of Boxes, flattened in the order of their names. Actions are
Box or Discrete, whose choices are numbered from 0. An action component without a bound on one side
counts as unbounded, and is clipped to the bound that it has.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from rlctl.core.errors import UsageError
from rlctl.core.specs import ActionPart

HUGE = 1e30  # bounds this large count as none

Leaf = tuple[tuple[Any, ...], spaces.Box]  # the keys that lead to a Box, and the Box


def box_leaves(space: Any, name: str) -> list[Leaf]:
    """Return the Boxes of an observation space and their paths, sorted by name.

    Raises:
        UsageError: The space has other parts, or none; `name` is the environment's.
    """
    found = _leaves(space, name)
    if not sum(leaf.low.size for _, leaf in found):
        raise UsageError(
            f"{name} observes nothing: its observation space is {_short(space)}",
            "register an id whose environment is wrapped to return an observation",
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
    """Flatten an observation to a new array (O,) float32; values beyond float32 become inf.

    Raises:
        ValueError: A part is missing, or its size differs from that of its space.
    """
    parts = [_part(observation, path, leaf) for path, leaf in layout]
    whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
    if whole.dtype == np.float32:
        return whole.copy()
    with np.errstate(over="ignore"):
        return whole.astype(np.float32)


def _part(observation: Any, path: tuple[Any, ...], leaf: spaces.Box) -> np.ndarray:
    """Return the values (size,) of one Box in an observation."""
    for key in path:
        if not isinstance(observation, Mapping) or key not in observation:
            raise ValueError(f"its observation has no {part_name(path)}")
        observation = observation[key]
    part = np.asarray(observation)
    if part.size != leaf.low.size:
        raise ValueError(f"{part_name(path)} has shape {part.shape}, its space {leaf.shape}")
    return part.reshape(-1)


def part_name(path: tuple[Any, ...]) -> str:
    """Return the name of the Box at a path."""
    return "/".join(map(str, path)) or "observation"


def action_parts(space: Any, name: str) -> tuple[ActionPart, ...]:
    """Return the components of an action space.

    Raises:
        UsageError: The space is not supported; `name` is the environment's.
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


def convert_actions(space: spaces.Space, actions: np.ndarray) -> list[Any]:
    """Convert actions (n, A) float32 to n members of a space that `action_parts` supports.

    Policies number choices from 0, and the space's start is added here: float32 cannot represent
    every whole number beyond 2^24.
    """
    if isinstance(space, spaces.Discrete):
        return list((np.rint(actions[:, 0]).astype(np.int64) + space.start).astype(space.dtype))
    assert isinstance(space, spaces.Box)
    shaped = actions.reshape(-1, *space.shape).astype(space.dtype)
    bounded = np.clip(shaped, space.low, space.high)
    return [bounded[row, ...] for row in range(len(bounded))]


def _short(space: spaces.Space) -> str:
    text = str(space)
    return text if len(text) < 80 else type(space).__name__
