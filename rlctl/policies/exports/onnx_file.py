"""Export to an ONNX model: observation (N, O) in, deterministic action (N, A) out.

The model includes the normaliser and the scaling of actions.
"""

from pathlib import Path
from typing import Any

import numpy as np

from rlctl import __version__
from rlctl.checkpoints.arrays import Arrays
from rlctl.core.errors import PackageMissing
from rlctl.policies.base import action_bounds
from rlctl.policies.mlp.spec import MLPSpec

_OPSET, _IR = 17, 8  # old enough for any onnxruntime since 1.13


class _Graph:
    """ONNX nodes and constants in the order added; every value is named after its node."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, kind: str, *inputs: str | np.ndarray, **attributes: Any) -> str:
        """Add a node of an ONNX operator and return its name; array inputs become constants."""
        from onnx import helper

        names = [x if isinstance(x, str) else self._constant(x) for x in inputs]
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [name], name, **attributes))
        return name

    def _constant(self, array: np.ndarray) -> str:
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name


def write(spec: MLPSpec, arrays: Arrays, path: Path) -> None:
    """Write the file.

    Raises:
        PackageMissing: The package `onnx` is not installed.
    """
    try:
        import onnx
        from onnx import TensorProto, helper
    except ModuleNotFoundError as error:
        raise PackageMissing(
            "writing ONNX files needs the package onnx, which is not installed", "onnx"
        ) from error
    graph = _Graph()
    output = _network(graph, spec, arrays, _normalized(graph, spec, arrays))
    graph.nodes.append(helper.make_node("Identity", [_action(graph, spec, output)], ["action"]))
    sizes = {"observation": spec.observation_size, "action": spec.action_size}
    values = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", size])
        for name, size in sizes.items()
    }
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, "policy", [values["observation"]], [values["action"]], graph.constants
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR,
        producer_name="rlctl",
        producer_version=__version__,
    )
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


def program(spec: MLPSpec, name: str) -> str:
    """Return a program that acts with the file `name`; observations (N, O) are float32."""
    return (
        "import onnxruntime\n\n"
        f"session = onnxruntime.InferenceSession({name!r})\n\n\n"
        "def act(observation):\n"
        '    return session.run(["action"], {"observation": observation})[0]\n'
    )


def _normalized(graph: _Graph, spec: MLPSpec, arrays: Arrays) -> str:
    x, visible = "observation", slice(spec.policy_size)
    if spec.policy_size < spec.observation_size:
        x = graph.add("Slice", x, *(np.array([i]) for i in (0, spec.policy_size, 1)))
    if not spec.normalize:
        return x
    x = graph.add("Sub", x, arrays["normalizer/mean"][visible])
    x = graph.add("Div", x, arrays["normalizer/std"][visible])
    if spec.normalizer_clip is None:
        return x
    clip = np.float32(spec.normalizer_clip)
    return graph.add("Clip", x, np.array(-clip), np.array(clip))


def _network(graph: _Graph, spec: MLPSpec, arrays: Arrays, x: str) -> str:
    last = len(spec.policy_hidden_layer_sizes)
    for i in range(last + 1):
        kernel, bias = (arrays[f"policy/hidden_{i}/{part}"] for part in ("kernel", "bias"))
        x = graph.add("Gemm", x, kernel, bias)
        if i == last:
            break
        if spec.activation == "swish":
            x = graph.add("Mul", x, graph.add("Sigmoid", x))
        else:
            x = graph.add({"tanh": "Tanh", "relu": "Relu", "elu": "Elu"}[spec.activation], x)
    return x


def _action(graph: _Graph, spec: MLPSpec, output: str) -> str:
    low, high, bounded = action_bounds(spec)
    if spec.distribution == "categorical":
        choice = graph.add("ArgMax", output, axis=1, keepdims=1)
        return graph.add("Add", graph.add("Cast", choice, to=1), low)  # 1 is float32
    if spec.distribution == "tanh_normal":
        mean = graph.add("Slice", output, *(np.array([i]) for i in (0, spec.action_size, 1)))
        unit = graph.add("Tanh", mean)
    else:
        one = np.array(1, np.float32)
        unit = graph.add("Clip", output, -one, one)
    half = graph.add("Mul", graph.add("Add", unit, np.array([1], np.float32)), (high - low) / 2)
    action = graph.add("Add", half, low)
    return action if bounded.all() else graph.add("Where", bounded, action, output)
