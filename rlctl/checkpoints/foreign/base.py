"""What a reader makes of another tool's policy: arrays under rlctl's names, and what they mean."""

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
    "read are Brax's PPO, Stable-Baselines3's PPO, A2C and TRPO, rsl_rl's PPO, and PyTorch state "
    "dicts of a policy"
)
MAX_NUMBERS = 2**27  # in all arrays together: half a gigabyte
Layer = tuple[np.ndarray, np.ndarray]  # kernel [in, out], bias [out]


@dataclass(frozen=True)
class Foreign:
    """A policy, not yet of any environment.

    Attributes:
        format: What it was saved as, in words.
        arrays: `policy/hidden_{i}/kernel` [in, out] and `/bias`, and as far as they are there
            `policy/log_std`, `value/...`, and `normalizer/mean`, `/std` and `/count` of what the
            policy sees; all float32.
        distribution: `tanh_normal`, or "" where arrays and environment tell.
        activation: `swish`, `tanh`, `relu` or `elu`; "" where nothing tells.
        usual: The activation to take then.
        clip: The bound on normalised observations; None where the file does not tell.
        unit: Actions are from -1 to 1, whatever the environment's bounds, rather than in its units.
        step: Environment steps trained, 0 where nothing tells.
        notes: What had to be assumed or left out.
    """

    format: str
    arrays: Arrays
    distribution: str = ""
    activation: str = ""
    usual: str = "tanh"
    clip: float | None = None
    unit: bool = False
    step: int = 0
    notes: tuple[str, ...] = ()

    @property
    def inputs(self) -> int:
        """Numbers that the policy sees."""
        return len(self.arrays["policy/hidden_0/kernel"])

    def outputs(self, network: str) -> list[int]:
        """How many numbers each layer of `policy` or `value` gives; [] without such a network."""
        names = (f"{network}/hidden_{i}/bias" for i in count())
        return [len(self.arrays[name]) for name in takewhile(self.arrays.__contains__, names)]

    def to_bytes(self) -> bytes:
        """All of it, as safetensors."""
        facts = {name: value for name, value in vars(self).items() if name != "arrays"}
        return safetensors.numpy.save(self.arrays, {"facts": json.dumps(facts)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """What `to_bytes` wrote."""
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        facts = json.loads(header["__metadata__"]["facts"])
        notes = tuple(facts.pop("notes"))
        return cls(arrays=safetensors.numpy.load(data), notes=notes, **facts)


def network(name: str, layers: list[Layer]) -> Arrays:
    """A network's layers, by name.

    Raises:
        Incompatible: One does not take what the one before it gives.
    """
    for i, ((_, given), (kernel, _)) in enumerate(pairwise(layers)):
        if len(kernel) != len(given):
            raise Incompatible(
                f"layer {i + 1} of the {name} network takes {len(kernel)} numbers, and layer {i} "
                f"gives {len(given)}",
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
    """The same numbers in float32.

    Raises:
        Incompatible: An array is not of floating-point numbers.
        Diverged: Something is not finite, or not in float32.
        Unsafe: They are too many.
    """
    if sum(array.size for array in arrays.values()) > MAX_NUMBERS:
        raise Unsafe(f"its arrays have more than {MAX_NUMBERS:,} numbers", "it is no policy")
    solid = {}
    for name, array in arrays.items():
        if not np.issubdtype(array.dtype, np.floating):
            raise Incompatible(f"{name} has dtype {array.dtype}, not floating-point numbers")
        with np.errstate(over="ignore"):
            solid[name] = np.ascontiguousarray(array, np.float32).reshape(array.shape)
        if bad := count_nonfinite(solid[name]):
            raise Diverged(
                f"{name} has {bad} of {array.size} values that are not finite in float32",
                "import an older checkpoint, from before the training diverged",
            )
    return solid
