"""Encoding of named arrays as safetensors, in numpy: no code, no device."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from rlctl.core.errors import Damaged, Diverged

Arrays = dict[str, np.ndarray]  # "a/b/c" -> array
_KINDS = "float64 float32 float16 int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool"


def encode(arrays: Mapping[str, Any]) -> bytes:
    """Encode arrays (numpy, or a framework's on the CPU) as safetensors.

    Raises:
        TypeError: The dtype is not supported by safetensors' numpy reader.
    """
    # safetensors saves the buffer as it is, so the arrays must be contiguous.
    solid = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    for name, array in solid.items():
        if array.dtype.name not in _KINDS.split():
            raise TypeError(f"{name} has dtype {array.dtype}, which cannot be saved")
    return safetensors.numpy.save(solid)


def decode(data: bytes, listing: Mapping[str, Any], file: str) -> Arrays:
    """Decode the arrays in `data`, in the order of the manifest's listing.

    Args:
        data: A whole safetensors file.
        listing: Name -> {"dtype", "shape"} of the expected arrays.
        file: The file's name, for the message.

    Raises:
        Damaged: The data is not safetensors, or its arrays differ from the listing.
    """
    try:
        arrays = safetensors.numpy.load(data)
    except (SafetensorError, KeyError, ValueError) as error:
        raise Damaged(f"{file} cannot be read: {error}") from error
    held = describe(arrays)
    # Both directions: a missing array and an unlisted one are both damage.
    for name in [*listing, *held]:
        if listing.get(name) != held.get(name):
            raise Damaged(
                f"{file} has {_describe_entry(held.get(name))} for {name!r}, "
                f"its manifest lists {_describe_entry(listing.get(name))}"
            )
    return {name: arrays[name] for name in listing}


def describe(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest's listing: name -> {"dtype", "shape"}."""
    return {
        name: {"dtype": array.dtype.name, "shape": list(array.shape)}
        for name, array in arrays.items()
    }


def check_finite(arrays: Mapping[str, Any]) -> None:
    """Refuse arrays with non-finite values.

    Raises:
        Diverged: An array has NaNs or infinities; the message names the first one.
    """
    for name, array in arrays.items():
        bad = count_nonfinite(np.asarray(array))
        if bad:
            raise Diverged(
                f"{name} has {bad} non-finite of {array.size} values; such a policy is not saved",
                "use an earlier checkpoint",
            )


def count_nonfinite(array: np.ndarray) -> int:
    """Count the NaN and infinite values."""
    if not np.issubdtype(array.dtype, np.floating):
        return 0
    return int(array.size - np.count_nonzero(np.isfinite(array)))


def _describe_entry(entry: Mapping[str, Any] | None) -> str:
    return f"{entry['dtype']}{entry['shape']}" if entry else "nothing"
