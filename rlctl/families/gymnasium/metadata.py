"""Tolerant reading of a Gymnasium environment's metadata, attributes and infos.

They come from foreign code. A value that is malformed counts as absent.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import gymnasium
import numpy as np

DEFAULT_DT = 1 / 30  # s, if the environment has neither `dt` nor a frame rate
SHORTEST, LONGEST = 1e-6, 1e6  # s, plausible control steps
_NUMBERS = (bool, int, float, np.bool_, np.integer, np.floating)


def to_number(value: Any) -> float | None:
    """Convert a real scalar or 0-d array to float; None for anything else."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    try:
        return float(value) if isinstance(value, _NUMBERS) else None
    except OverflowError:  # an int beyond float64
        return None


def reward_terms(info: Any) -> dict[str, float]:
    """Return the scalars of an info whose names begin with `reward`."""
    if not isinstance(info, (dict, Mapping)):  # dict first: it is the faster test
        return {}
    found = {
        key: to_number(value)
        for key, value in info.items()
        if isinstance(key, str) and key.startswith("reward")
    }
    return {key: value for key, value in found.items() if value is not None}


def control_dt(env: gymnasium.Env) -> float:
    """Return seconds per control step: attribute `dt`, else the frame time, else DEFAULT_DT."""
    fps = _positive(_metadata(env).get("render_fps"))
    for seconds in (_attribute(env, "dt"), fps and 1 / fps):
        dt = _positive(seconds)
        if dt is not None and SHORTEST <= dt <= LONGEST:
            return dt
    return DEFAULT_DT


def substeps(env: gymnasium.Env) -> int:
    """Return physics steps per control step, 1 if unknown."""
    count = _positive(_attribute(env, "frame_skip"))
    return int(count) if count is not None and count == int(count) else 1


def render_modes(env: gymnasium.Env) -> tuple[str, ...]:
    """Return the render modes in its metadata."""
    modes = _metadata(env).get("render_modes")
    if isinstance(modes, str):
        return (modes,)
    return tuple(map(str, modes)) if isinstance(modes, Iterable) else ()


def _metadata(env: gymnasium.Env) -> Mapping[str, Any]:
    return env.metadata if isinstance(env.metadata, Mapping) else {}


def _attribute(env: gymnasium.Env, name: str) -> Any:
    """Return an attribute of the unwrapped environment, None if it cannot be read."""
    try:
        return getattr(env.unwrapped, name, None)
    except Exception:  # a property may work only after a reset
        return None


def _positive(value: Any) -> float | None:
    """Convert a positive finite number to float; None for anything else, including bools."""
    found = None if isinstance(value, bool | np.bool_) else to_number(value)
    return found if found is not None and 0 < found < math.inf else None
