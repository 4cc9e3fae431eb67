"""Result of reading another tool's policy: arrays under rlctl's names, and their meaning."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count, pairwise, takewhile
from typing import Any, Self

import numpy as np
import safetensors.numpy

from rlctl.checkpoints.arrays import Arrays, count_nonfinite
from rlctl.core.errors import Diverged, Incompatible, Unsafe

READ = (
    "supported are Brax's PPO, Stable-Baselines3's PPO, A2C and TRPO, rsl_rl's PPO, and PyTorch "
    "state dicts of a policy"
)
MAX_NUMBERS = 2**27  # in all arrays together: half a gigabyte of float32
Layer = tuple[np.ndarray, np.ndarray]  # kernel [in, out], bias [out]


@dataclass(frozen=True)
class ForeignPolicy:
    """Policy of another tool, not adapted to an environment yet.

    Attributes:
        format: Description of the file format.
        arrays: `policy/hidden_{i}/kernel` [in, out] and `/bias`, and if present `policy/log_std`,
            `value/...`, and `normalizer/mean`, `/std` and `/count` of the policy's input; all
            float32.
        distribution: `tanh_normal`, or "" if it follows from arrays and environment.
        activation: `swish`, `tanh`, `relu` or `elu`; "" if unknown.
        default_activation: The activation to assume if unknown.
        clip: Bound on normalised observations; None if unknown.
        normalized_actions: Actions are in [-1, 1], not in the environment's units.
        step: Environment steps trained, 0 if unknown.
        notes: Assumptions and omissions.
    """

    format: str
    arrays: Arrays
    distribution: str = ""
    activation: str = ""
    default_activation: str = "tanh"
    clip: float | None = None
    normalized_actions: bool = False
    step: int = 0
    notes: tuple[str, ...] = ()

    @property
    def inputs(self) -> int:
        """Size of the policy's input."""
        return len(self.arrays["policy/hidden_0/kernel"])

    def outputs(self, network: str) -> list[int]:
        """Return the output size of each layer of `policy` or `value`; [] without that network."""
        names = (f"{network}/hidden_{i}/bias" for i in count())
        return [len(self.arrays[name]) for name in takewhile(self.arrays.__contains__, names)]

    def to_bytes(self) -> bytes:
        """Encode as safetensors, with the other attributes as metadata."""
        facts = {name: value for name, value in vars(self).items() if name != "arrays"}
        return safetensors.numpy.save(self.arrays, {"facts": json.dumps(facts)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode what `to_bytes` wrote."""
        # Layout of safetensors: length of the header (8 bytes), JSON header, buffers.
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        facts = json.loads(header["__metadata__"]["facts"])
        notes = tuple(facts.pop("notes"))
        return cls(arrays=safetensors.numpy.load(data), notes=notes, **facts)


def network(name: str, layers: list[Layer]) -> Arrays:
    """Return a network's layers by name.

    Raises:
        Incompatible: The sizes of consecutive layers do not match.
    """
    for i, ((_, given), (kernel, _)) in enumerate(pairwise(layers)):
        if len(kernel) != len(given):
            raise Incompatible(
                f"layer {i + 1} of the {name} network has input size {len(kernel)}, and layer {i} "
                f"output size {len(given)}",
                "only plain multi-layer perceptrons can be imported",
            )
    for i, (kernel, bias) in enumerate(layers):
        if kernel.ndim != 2 or bias.shape != kernel.shape[1:] or not kernel.size:
            raise Incompatible(
                f"layer {i} of the {name} network has a kernel {kernel.shape} and a bias "
                f"{bias.shape}",
                "only plain multi-layer perceptrons can be imported",
            )
    parts = ("kernel", "bias")
    return {
        f"{name}/hidden_{i}/{part}": array
        for i, layer in enumerate(layers)
        for part, array in zip(parts, layer, strict=True)
    }


def to_float32(arrays: Mapping[str, Any]) -> Arrays:
    """Convert arrays to float32.

    Raises:
        Incompatible: An array is not of floating-point numbers.
        Diverged: A value is not finite in float32.
        Unsafe: The arrays are too large.
    """
    if sum(array.size for array in arrays.values()) > MAX_NUMBERS:
        raise Unsafe(f"its arrays have more than {MAX_NUMBERS:,} numbers", "it is not a policy")
    solid = {}
    for name, array in arrays.items():
        if not np.issubdtype(array.dtype, np.floating):
            raise Incompatible(f"{name} has dtype {array.dtype}, not floating-point numbers")
        with np.errstate(over="ignore"):
            # ascontiguousarray makes scalars 1-d, hence the reshape.
            solid[name] = np.ascontiguousarray(array, np.float32).reshape(array.shape)
        if bad := count_nonfinite(solid[name]):
            raise Diverged(
                f"{name} has {bad} of {array.size} values that are not finite in float32",
                "import an older checkpoint, from before the training diverged",
            )
    return solid
