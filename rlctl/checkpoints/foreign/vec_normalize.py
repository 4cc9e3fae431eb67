"""The file of Stable-Baselines3's VecNormalize.save: a pickle, read by stand-ins that do nothing.

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
    """How observations were normalised.

    Attributes:
        arrays: `normalizer/mean`, `/std` and `/count`; {} where they were not.
        clip: The bound on normalised observations, None where they were not.
        note: What is to be said of it, "" if nothing.
    """

    arrays: Arrays
    clip: float | None
    note: str = ""


class Scalar(Inert):
    """A number of numpy: its dtype, its bytes."""

    def __init__(self, dtype: Any, data: Any) -> None:
        if not isinstance(dtype, DType) or not isinstance(data, bytes):
            raise pickle.UnpicklingError("a number without a type")
        self.value = np.frombuffer(data, np.dtype(dtype.order + dtype.name))[0].item()


class Ignored(Inert):
    """Anything else that belongs to it: spaces, generators of random numbers."""

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        pass


_STAND_INS: dict[str, type[Inert]] = {
    "VecNormalize": Members,
    "RunningMeanStd": Members,
    "_reconstruct": Array,
    "scalar": Scalar,
    "dtype": DType,
    "ndarray": NdArray,
}


class Unpickler(pickle.Unpickler):
    """Unpickles with the stand-ins alone."""

    def find_class(self, module: str, name: str) -> type[Inert]:
        if module.partition(".")[0] not in _PACKAGES:
            raise Unsafe(
                f"the VecNormalize names {module}.{name}, which none does", "nothing of it was run"
            )
        return _STAND_INS.get(name, Ignored)

    def persistent_load(self, pid: Any) -> Any:
        raise Unsafe("the VecNormalize refers to something outside itself", "nothing was run")


def read(data: bytes) -> Statistics:
    """The statistics of observations in a file.

    Raises:
        Damaged: It is no whole pickle.
        Unsafe: It names what no VecNormalize does.
        Incompatible: It is no VecNormalize, or one of several observations.
    """
    try:
        found = Unpickler(io.BytesIO(data)).load()
    except (Unsafe, MemoryError):
        raise
    except Exception as error:  # whatever a nonsensical program runs into
        raise Damaged(f"the VecNormalize is no whole pickle: {error}", _AGAIN) from error
    state = found.members if isinstance(found, Members) else {}
    if not {"clip_obs", "epsilon", "norm_obs"} <= state.keys():
        raise Incompatible("the file of statistics is of no VecNormalize", _AGAIN)
    if not state["norm_obs"]:
        return Statistics({}, None, "its VecNormalize did not normalise observations")
    held = state["obs_rms"].members if isinstance(state.get("obs_rms"), Members) else {}
    mean, var = (_value(held.get(name)) for name in ("mean", "var"))
    count, clip, epsilon = map(_value, (held.get("count"), state["clip_obs"], state["epsilon"]))
    if not isinstance(mean, np.ndarray) or not isinstance(var, np.ndarray) or mean.ndim > 2:
        raise Incompatible("the VecNormalize has no mean and variance of one observation", _AGAIN)
    numbers = (count, clip, epsilon)
    if not all(isinstance(x, int | float) and math.isfinite(x) and x > 0 for x in numbers):
        raise Incompatible("the VecNormalize's count, clip or epsilon is no number", _AGAIN)
    arrays = {
        "normalizer/mean": mean.reshape(-1),
        "normalizer/std": np.sqrt(var.reshape(-1) + epsilon),
        "normalizer/count": np.array(count, np.float64),
    }
    return Statistics(arrays, float(clip))


def _value(item: Any) -> Any:
    """An array or a number as it is, out of its stand-in."""
    return item.value if isinstance(item, Array | Scalar) else item
