"""Restricted unpickler for the file of Stable-Baselines3's VecNormalize.save.

observation = clip((x - mean) / sqrt(var + epsilon), -clip_obs, clip_obs)
"""

import io
import math
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.checkpoints.foreign.pickles import Array, DType, Inert, Members, NdArray
from rlctl.core.errors import Damaged, Incompatible, Unsafe

_AGAIN = "give the file that VecNormalize.save wrote"
_PACKAGES = {"collections", "copyreg", "gym", "gymnasium", "numpy", "stable_baselines3"}


@dataclass(frozen=True)
class Statistics:
    """Observation statistics of a VecNormalize.

    Attributes:
        arrays: `normalizer/mean`, `/std` and `/count`; {} if observations were not normalised.
        clip: Bound on normalised observations, None if they were not normalised.
        note: A note for the user, "" for none.
    """

    arrays: Arrays
    clip: float | None
    note: str = ""


class Scalar(Inert):
    """Replacement of a numpy scalar: its dtype and bytes."""

    def __init__(self, dtype: Any, data: Any) -> None:
        if not isinstance(dtype, DType) or not isinstance(data, bytes):
            raise pickle.UnpicklingError("a number without a type")
        self.value = np.frombuffer(data, np.dtype(dtype.order + dtype.name))[0].item()


class Ignored(Inert):
    """Replacement of unused objects: spaces, random number generators."""

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        pass


_REPLACEMENTS: dict[str, type[Inert]] = {
    "VecNormalize": Members,
    "RunningMeanStd": Members,
    "_reconstruct": Array,
    "scalar": Scalar,
    "dtype": DType,
    "ndarray": NdArray,
}


class Unpickler(pickle.Unpickler):
    """Unpickler that resolves names to the inert replacements only."""

    def find_class(self, module: str, name: str) -> type[Inert]:
        if module.partition(".")[0] not in _PACKAGES:
            raise Unsafe(
                f"the VecNormalize names {module}.{name}, which is not allowed",
                "nothing of it was run",
            )
        return _REPLACEMENTS.get(name, Ignored)

    def persistent_load(self, pid: Any) -> Any:
        raise Unsafe("the VecNormalize refers to an external object", "nothing was run")


def read(data: bytes) -> Statistics:
    """Read the observation statistics in a file.

    Raises:
        Damaged: The pickle is incomplete.
        Unsafe: It names code that is not of a VecNormalize.
        Incompatible: It is not a VecNormalize, or one of dict observations.
    """
    try:
        found = Unpickler(io.BytesIO(data)).load()
    except (Unsafe, MemoryError):
        raise
    except Exception as error:  # a malformed pickle can raise anything
        raise Damaged(f"the VecNormalize is not a complete pickle: {error}", _AGAIN) from error
    state = found.members if isinstance(found, Members) else {}
    if not {"clip_obs", "epsilon", "norm_obs"} <= state.keys():
        raise Incompatible("the file of statistics is not a VecNormalize", _AGAIN)
    if not state["norm_obs"]:
        return Statistics({}, None, "its VecNormalize did not normalise observations")
    held = state["obs_rms"].members if isinstance(state.get("obs_rms"), Members) else {}
    mean, var = (_value(held.get(name)) for name in ("mean", "var"))
    count, clip, epsilon = map(_value, (held.get("count"), state["clip_obs"], state["epsilon"]))
    if not isinstance(mean, np.ndarray) or not isinstance(var, np.ndarray) or mean.ndim > 2:
        raise Incompatible("the VecNormalize has no mean and variance of one observation", _AGAIN)
    # Zero or NaN would make all normalised observations zero or invalid.
    numbers = (count, clip, epsilon)
    if not all(isinstance(x, int | float) and math.isfinite(x) and x > 0 for x in numbers):
        raise Incompatible(
            "the VecNormalize's count, clip or epsilon is not a positive number", _AGAIN
        )
    arrays = {
        "normalizer/mean": mean.reshape(-1),
        "normalizer/std": np.sqrt(var.reshape(-1) + epsilon),
        "normalizer/count": np.array(count, np.float64),
    }
    return Statistics(arrays, float(clip))


def _value(item: Any) -> Any:
    """Return the value inside a replacement."""
    return item.value if isinstance(item, Array | Scalar) else item
