"""Export to one .npz: the arrays under their names in the checkpoint, and the spec as JSON."""

from pathlib import Path
from typing import Any

import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.core.files import to_json
from rlctl.policies.base import kind_of
from rlctl.policies.exports import example
from rlctl.policies.mlp.spec import MLPSpec

_ACTIVATIONS = {
    "swish": "h * (1 + np.tanh(h / 2)) / 2",
    "tanh": "np.tanh(h)",
    "relu": "np.maximum(h, 0)",
    "elu": "np.where(h > 0, h, np.expm1(np.minimum(h, 0)))",
}


def write(spec: MLPSpec, arrays: Arrays, path: Path) -> None:
    """Write the file, without pickled objects."""
    members: dict[str, Any] = {"spec": np.array(to_json(spec.to_json()))}
    members |= {name: arrays[name] for name in kind_of(spec).shapes(spec)}
    with path.open("wb") as file:  # given a path, numpy would append .npz
        np.savez(file, **members)


def program(spec: MLPSpec, name: str) -> str:
    """Return a program that acts with the file `name`; it needs only numpy."""
    visible, last = f"[:{spec.policy_size}]", len(spec.policy_hidden_layer_sizes)
    body = [
        *example.normalize_lines(
            spec, f'policy["normalizer/mean"]{visible}', f'policy["normalizer/std"]{visible}'
        ),
        f"for i in range({last + 1}):",
        '    h = h @ policy[f"policy/hidden_{i}/kernel"] + policy[f"policy/hidden_{i}/bias"]',
        f"    if i < {last}:",
        f"        h = {_ACTIVATIONS[spec.activation]}",
        *example.action_lines(spec, "np"),
    ]
    lines = [
        "import numpy as np",
        "",
        f"policy = dict(np.load({name!r}))",
        *example.constant_lines(spec, "np.float32"),
        *example.act_lines(body),
    ]
    return "\n".join(lines) + "\n"
