"""A multi-layer perceptron in torch: pure functions on {"hidden_0/kernel", "hidden_0/bias", ...}.

Kernels are [in, out] as everywhere in a checkpoint; the last hidden_i is the linear output layer.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "swish": torch.nn.functional.silu,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "elu": torch.nn.functional.elu,
}


def init(
    sizes: Sequence[int], generator: torch.Generator, output_scale: float = 1.0
) -> dict[str, Tensor]:
    """Fresh parameters for layers of `sizes`: input, hidden ones, output.

    Kernels are orthogonal with gain sqrt(2), of the output layer `output_scale`; biases are 0.

    Args:
        sizes: Input, hidden and output widths.
        generator: Where the randomness comes from, and on which device the parameters lie.
        output_scale: Gain of the output layer.
    """
    params: dict[str, Tensor] = {}
    last = len(sizes) - 2
    for i, shape in enumerate(pairwise(sizes)):
        kernel = torch.empty(shape, device=generator.device)
        gain = output_scale if i == last else math.sqrt(2.0)
        params[f"hidden_{i}/kernel"] = torch.nn.init.orthogonal_(kernel, gain, generator)
        params[f"hidden_{i}/bias"] = torch.zeros(shape[1], device=generator.device)
    return params


def layers(params: Mapping[str, Tensor], x: Tensor, activation: str) -> dict[str, Tensor]:
    """What every layer gives for x (..., in), by name, in order."""
    last = sum(name.endswith("/kernel") for name in params) - 1
    found = {}
    for i in range(last + 1):
        x = x @ params[f"hidden_{i}/kernel"] + params[f"hidden_{i}/bias"]
        found[f"hidden_{i}"] = x = ACTIVATIONS[activation](x) if i < last else x
    return found


def mlp(params: Mapping[str, Tensor], x: Tensor, activation: str) -> Tensor:
    """Apply the network: x (..., in) -> (..., out)."""
    *_, output = layers(params, x, activation).values()
    return output
