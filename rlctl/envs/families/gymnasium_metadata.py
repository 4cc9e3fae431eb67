"""What a Gymnasium environment tells of itself, in any form: read as far as it can be used.

Metadata, attributes and infos are written by many hands. What is absent, or is not what it should
be, counts as absent.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import gymnasium
import numpy as np

DEFAULT_DT = 1 / 30  # s, where neither the physics nor a frame rate tells
SHORTEST, LONGEST = 1e-6, 1e6  # s that a control step may take
_NUMBERS = (bool, int, float, np.bool_, np.integer, np.floating)


def number(value: Any) -> float | None:
    """The value of a real scalar that float64 holds, a 0-d array included; None of the rest."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    try:
        return float(value) if isinstance(value, _NUMBERS) else None
    except OverflowError:  # a whole number beyond float64
        return None


def terms(info: Any) -> dict[str, float]:
    """The scalars of an info whose names begin with `reward`."""
    if not isinstance(info, (dict, Mapping)):  # the first is the quicker to tell
        return {}
    found = {
        key: number(value)
        for key, value in info.items()
        if isinstance(key, str) and key.startswith("reward")
    }
    return {key: value for key, value in found.items() if value is not None}


def control_dt(env: gymnasium.Env) -> float:
    """Seconds between two actions: the physics' own, else those of a frame, else a guess."""
    fps = _positive(_metadata(env).get("render_fps"))
    for seconds in (_attribute(env, "dt"), fps and 1 / fps):
        dt = _positive(seconds)
        if dt is not None and SHORTEST <= dt <= LONGEST:
            return dt
    return DEFAULT_DT


def substeps(env: gymnasium.Env) -> int:
    """Physics steps in a control step, 1 where it does not say."""
    count = _positive(_attribute(env, "frame_skip"))
    return int(count) if count is not None and count == int(count) else 1


def render_modes(env: gymnasium.Env) -> tuple[str, ...]:
    """The render modes that it names."""
    modes = _metadata(env).get("render_modes")
    if isinstance(modes, str):
        return (modes,)
    return tuple(map(str, modes)) if isinstance(modes, Iterable) else ()


def _metadata(env: gymnasium.Env) -> Mapping[str, Any]:
    return env.metadata if isinstance(env.metadata, Mapping) else {}


def _attribute(env: gymnasium.Env, name: str) -> Any:
    """An attribute of the environment's own class, None where it cannot be had."""
    try:
        return getattr(env.unwrapped, name, None)
    except Exception:  # a property may need what only a reset makes
        return None


def _positive(value: Any) -> float | None:
    """A positive finite number; None of anything else, of truth values too."""
    found = None if isinstance(value, bool | np.bool_) else number(value)
    return found if found is not None and 0 < found < math.inf else None
