"""A multi-layer perceptron in torch: pure functions on {"hidden_0/kernel", "hidden_0/bias", ...}.

Kernels are [in, out] as everywhere in a checkpoint; the last hidden_i is the linear output layer.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor

MINUS_ONE = torch.tensor(-1.0, dtype=torch.float32)


def tanh(z: Tensor) -> Tensor:
    """Compute tanh as 2 sigmoid(2 z) - 1, in less than half of torch.tanh's time on a CPU."""
    return torch.add(MINUS_ONE, torch.sigmoid(z + z), alpha=2.0)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "swish": torch.nn.functional.silu,
    "tanh": tanh,
    "relu": torch.relu,
    "elu": torch.nn.functional.elu,
}
# d f'(z), given d, z and f(z): the kernels that autograd uses.
BACKWARD: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "swish": lambda d, z, h: torch.ops.aten.silu_backward(d, z),
    "tanh": lambda d, z, h: torch.ops.aten.tanh_backward(d, h),
    "relu": lambda d, z, h: torch.ops.aten.threshold_backward(d, h, 0.0),
    "elu": lambda d, z, h: torch.ops.aten.elu_backward(d, 1.0, 1.0, 1.0, True, h),
}


def init(
    sizes: Sequence[int], generator: torch.Generator, output_scale: float = 1.0
) -> dict[str, Tensor]:
    """Return initial parameters of a network with `sizes`: input, hidden layers, output.

    Kernels are orthogonal with gain sqrt(2), of the output layer `output_scale`; biases are 0.

    Args:
        sizes: Input, hidden and output widths.
        generator: Random generator; its device is that of the parameters.
        output_scale: Gain of the output layer.
    """
    params: dict[str, Tensor] = {}
    last = len(sizes) - 2
    for i, shape in enumerate(pairwise(sizes)):
        kernel = torch.empty(shape, device=generator.device, dtype=torch.float32)
        gain = output_scale if i == last else math.sqrt(2.0)
        params[f"hidden_{i}/kernel"] = torch.nn.init.orthogonal_(kernel, gain, generator)
        params[f"hidden_{i}/bias"] = kernel.new_zeros(shape[1])
    return params


def layers(params: Mapping[str, Tensor], x: Tensor, activation: str) -> dict[str, Tensor]:
    """Return the output of every layer for x (..., in), by name, in order."""
    last = sum(name.endswith("/kernel") for name in params) - 1
    outputs = {}
    for i in range(last + 1):
        x = x @ params[f"hidden_{i}/kernel"] + params[f"hidden_{i}/bias"]
        outputs[f"hidden_{i}"] = x = ACTIVATIONS[activation](x) if i < last else x
    return outputs


def mlp(params: Mapping[str, Tensor], x: Tensor, activation: str) -> Tensor:
    """Apply the network: x (..., in) -> (..., out)."""
    *_, output = layers(params, x, activation).values()
    return output


def squared_error_gradient(
    params: Mapping[str, Tensor],
    x: Tensor,
    target: Tensor,
    activation: str,
    out: Mapping[str, Tensor],
) -> Tensor:
    """Write the gradient of the mean of (mlp(x) - y)^2 over B, by backpropagation.

        z_i  = h_{i-1} W_i + b_i    h_i  = f(z_i)        h_0 = x     d_L = 2 (z_L - y) / B
        dW_i = h_{i-1}^T d_i        db_i = sum_B d_i     d_{i-1} = d_i W_i^T * f'(z_{i-1})

    Equal to autograd in half of the time: in networks this small, most of its time is bookkeeping.

    Args:
        params: The parameters.
        x: (B, in).
        target: y (B, 1).
        activation: A key of `ACTIVATIONS`.
        out: Output for the gradient, by name, in the parameters' shapes.

    Returns:
        The errors z_L - y, (B, 1).
    """
    *hidden, last = [name.removesuffix("/kernel") for name in params if name.endswith("/kernel")]

    def affine(layer: str) -> Tensor:
        return torch.addmm(params[f"{layer}/bias"], inputs[-1], params[f"{layer}/kernel"])

    inputs, pre_activations = [x], []
    for layer in hidden:
        pre_activations.append(affine(layer))
        inputs.append(ACTIVATIONS[activation](pre_activations[-1]))
    error = affine(last) - target
    delta = error * (2.0 / len(error))
    for layer in (last, *reversed(hidden)):
        h = inputs.pop()
        torch.mm(h.T, delta, out=out[f"{layer}/kernel"])
        torch.sum(delta, 0, out=out[f"{layer}/bias"])
        if pre_activations:  # the input has no gradient
            delta = delta @ params[f"{layer}/kernel"].T
            delta = BACKWARD[activation](delta, pre_activations.pop(), h)
    return error
