"""Export to a plain PyTorch state dict: a normaliser, and an nn.Sequential under `mlp.`."""

import io
from itertools import pairwise
from pathlib import Path

from rlctl.checkpoints.arrays import Arrays
from rlctl.policies.exports import example
from rlctl.policies.mlp.spec import MLPSpec

_ACTIVATIONS = {"swish": "SiLU", "tanh": "Tanh", "relu": "ReLU", "elu": "ELU"}


def write(spec: MLPSpec, arrays: Arrays, path: Path) -> None:
    """Write the file, which `torch.load(path, weights_only=True)` reads.

    Linear layers have kernels [out, in], the transpose of a checkpoint's.
    """
    import torch

    state = {
        f"normalizer.{name}": torch.tensor(arrays[f"normalizer/{name}"][: spec.policy_size])
        for name in ("mean", "std")
    }
    for i in range(len(spec.policy_hidden_layer_sizes) + 1):
        kernel, bias = (arrays[f"policy/hidden_{i}/{part}"] for part in ("kernel", "bias"))
        state[f"mlp.{2 * i}.weight"] = torch.tensor(kernel).T.contiguous()
        state[f"mlp.{2 * i}.bias"] = torch.tensor(bias)
    if spec.distribution == "normal":
        state["log_std"] = torch.tensor(arrays["policy/log_std"])
    content = io.BytesIO()  # torch.save hides the cause of a failed write
    torch.save(state, content)
    path.write_bytes(content.getvalue())


def program(spec: MLPSpec, name: str) -> str:
    """Return a program that acts with the file `name`; it needs only PyTorch."""
    sizes = (spec.policy_size, *spec.policy_hidden_layer_sizes, spec.output_size)
    activation = f"    nn.{_ACTIVATIONS[spec.activation]}(),"
    layers = [f"    nn.Linear({i}, {o})," for i, o in pairwise(sizes)]
    stack = [line for layer in layers for line in (layer, activation)][:-1]
    body = [
        *example.normalize_lines(spec, 'state["normalizer.mean"]', 'state["normalizer.std"]'),
        "h = mlp(h)",
        *example.action_lines(spec, "torch"),
    ]
    lines = [
        "import torch",
        "from torch import nn",
        "",
        f"state = torch.load({name!r}, weights_only=True)",
        "mlp = nn.Sequential(",
        *stack,
        ").requires_grad_(False)",
        'mlp.load_state_dict({k[4:]: v for k, v in state.items() if k.startswith("mlp.")})',
        *example.constant_lines(spec, "torch.tensor"),
        *example.act_lines(body),
    ]
    return "\n".join(lines) + "\n"
