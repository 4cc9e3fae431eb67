"""Restricted unpickler for files of Brax's `model.save_params`.

A pickle is a program that names functions and calls them. Only the names in Brax's own files are
allowed, and each is replaced by an inert class that stores its arguments.
"""

import io
import pickle
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from rlctl.checkpoints.foreign import brax
from rlctl.checkpoints.foreign.base import ForeignPolicy
from rlctl.core.errors import Damaged, Incompatible, Unsafe

_ADVICE = "nothing of it was run; import the checkpoint folder of the training instead"
_DTYPES = {f"{kind}{size}" for kind in "fiu" for size in (1, 2, 4, 8)} - {"f1"} | {"b1"}


class Inert:
    """Base of the replacement classes; refuses every state."""

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError(f"a state for {type(self).__name__}")


class Members(Inert):
    """Replacement of a Brax dataclass: its members by name."""

    members: Mapping[str, Any] = MappingProxyType({})

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise pickle.UnpicklingError("members without names")
        self.members = state


class Frozen(Members):
    """Replacement of flax's FrozenDict."""

    def __init__(self, members: Any) -> None:
        Members.__setstate__(self, members)


class Mode(Inert):
    """Replacement of the normalisation mode, not needed for acting."""

    def __init__(self, value: Any) -> None:
        pass


class NdArray(Inert):
    """Replacement of numpy.ndarray, as a type argument only."""


class DType(Inert):
    """Replacement of numpy.dtype: its name, then its byte order."""

    def __init__(self, name: Any, *flags: Any) -> None:
        if name not in _DTYPES:
            raise pickle.UnpicklingError(f"an array of {str(name)[:20]!r}")
        self.name, self.order = name, "|"

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError("an unexpected dtype state")
        self.order = state[1]


class Array(Inert):
    """Replacement of numpy's `_reconstruct`: the state holds the array."""

    value: np.ndarray | None = None

    def __init__(self, kind: Any, shape: Any, order: Any) -> None:
        if kind is not NdArray:
            raise pickle.UnpicklingError("an array of another class")

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        if not isinstance(dtype, DType) or not isinstance(data, bytes):
            raise pickle.UnpicklingError("an array without numbers")
        order = "F" if fortran is True else "C"
        flat = np.frombuffer(data, np.dtype(dtype.order + dtype.name))
        self.value = flat.reshape(shape, order=order)  # fails if data is missing


class JaxArray(Inert):
    """Replacement of a JAX array: numpy's function, its arguments and the array's state."""

    value: np.ndarray | None = None

    def __init__(self, function: Any, arguments: Any, state: Any, *rest: Any) -> None:
        if function is not Array:
            raise pickle.UnpicklingError("an array made by another function than numpy's")
        array = Array(*arguments)
        array.__setstate__(state)
        self.value = array.value


# (module, name) in the pickle -> replacement. Nothing else is resolved.
ALLOWED: dict[tuple[str, str], type[Inert]] = {
    ("brax.training.acme.running_statistics", "RunningStatisticsState"): Members,
    ("brax.training.acme.running_statistics", "NormalizationMode"): Mode,
    ("brax.training.agents.ppo.losses", "PPONetworkParams"): Members,
    ("brax.training.types", "UInt64"): Members,
    ("flax.core.frozen_dict", "FrozenDict"): Frozen,
    ("jax._src.array", "_reconstruct_array"): JaxArray,
    ("numpy", "dtype"): DType,
    ("numpy", "ndarray"): NdArray,
    ("numpy._core.multiarray", "_reconstruct"): Array,
    ("numpy.core.multiarray", "_reconstruct"): Array,
}


class Unpickler(pickle.Unpickler):
    """Unpickler that resolves the allowed names to their replacements only."""

    def find_class(self, module: str, name: str) -> type[Inert]:
        if (module.partition(".")[0], name) == ("stable_baselines3", "VecNormalize"):
            raise Incompatible(
                "it holds the statistics of a VecNormalize, not a policy",
                "import the policy's zip, and give this file to --vec-normalize",
            )
        if (module, name) not in ALLOWED:
            raise Unsafe(f"it names {module}.{name}, which no policy of Brax does", _ADVICE)
        return ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise Unsafe("it refers to an external object", _ADVICE)


def read(files: dict[str, bytes]) -> ForeignPolicy:
    """Read the policy in a pickle; see `sandbox_child.READERS`."""
    (data,) = files.values()
    try:
        params = Unpickler(io.BytesIO(data)).load()
    except (Unsafe, Incompatible, MemoryError):
        raise
    except Exception as error:  # a malformed pickle can raise anything
        raise Damaged(f"it is not a complete pickle of Brax: {error}", "copy it again") from error
    if not isinstance(params, (tuple, list)) or len(params) not in (2, 3):
        raise Incompatible(
            "it holds no (normaliser, policy) or (normaliser, policy, value) of Brax",
            "save those: model.save_params(path, params), of what ppo.train returns",
        )
    arrays: dict[str, np.ndarray] = {}
    for i, item in enumerate(params):
        _flatten(str(i), item, arrays)
    return brax.policy_of(arrays, None, "a pickle of Brax's PPO")


def _flatten(name: str, item: Any, out: dict[str, np.ndarray], depth: int = 0) -> None:
    """Collect arrays by their path in the tree, joined by slashes; ignores other objects."""
    if isinstance(item, Members):
        item = item.members
    if isinstance(item, Mapping) and depth < 8:
        for key, member in item.items():
            if isinstance(key, str):
                _flatten(f"{name}/{key}", member, out, depth + 1)
    elif isinstance(item, (Array, JaxArray)) and item.value is not None:
        out[name] = item.value
