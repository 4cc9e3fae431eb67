"""Reference back end: the formulas of `PolicySpec` in numpy float32.

Shapes: N batch, O observation, A action, Z noise.
"""

from collections.abc import Callable

import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.policies.base import Memory, Policy, action_bounds
from rlctl.policies.mlp.spec import MLPSpec
from rlctl.policies.normalizer import normalize

# Forms that do not overflow for large inputs, unlike those with exp(-x).
ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "swish": lambda x: 0.5 * x * (1.0 + np.tanh(0.5 * x)),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0.0),
    "elu": lambda x: np.where(x > 0.0, x, np.expm1(np.minimum(x, 0.0))),
}


class NumpyPolicy(Policy[MLPSpec]):
    """A multi-layer perceptron policy on numpy, which runs on the CPU.

    Args:
        spec: The policy's spec.
        arrays: A checkpoint's group `policy`; see `rlctl.policies.mlp.kind`.
        device: Ignored.
    """

    backend = "numpy"

    def __init__(self, spec: MLPSpec, arrays: Arrays, device: str = "auto") -> None:
        super().__init__(spec)
        self._arrays = arrays
        self._low, self._high, self._bounded = action_bounds(spec)

    def _apply(
        self, observation: np.ndarray, memory: Memory, noise: np.ndarray
    ) -> tuple[np.ndarray, Memory]:
        stages = self._stages(observation, memory, noise)
        return stages["action"], tuple(stages[x.name] for x in self.spec.memory)

    def _stages(
        self, observation: np.ndarray, memory: Memory, noise: np.ndarray
    ) -> dict[str, np.ndarray]:
        x = preprocess(self.spec, self._arrays, observation)
        layers = self._layers(memory, x)
        *_, output = layers.values()
        head = {
            "tanh_normal": self._tanh_normal,
            "normal": self._normal,
            "categorical": self._categorical,
        }[self.spec.distribution]
        return {"normalized": x, **layers, **head(output, noise)}

    def _layers(self, memory: Memory, x: np.ndarray) -> dict[str, np.ndarray]:
        """Return the output of every layer for inputs x (N, policy_size), by name, in order."""
        return mlp(self._arrays, x, self.spec.activation)

    def _tanh_normal(self, output: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        mean, raw = np.split(output, 2, axis=-1)
        min_std, var_scale = np.float32(self.spec.min_std), np.float32(self.spec.var_scale)
        scale = (softplus(raw) + min_std) * var_scale
        action = self._into_bounds(np.tanh(mean + scale * noise))
        return {"mean": mean, "scale": scale, "action": action}

    def _normal(self, mean: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        scale = np.broadcast_to(np.exp(self._arrays["policy/log_std"]), mean.shape)
        u = mean + scale * noise
        action = np.where(self._bounded, self._into_bounds(u.clip(-1.0, 1.0)), u)
        return {"mean": mean, "scale": scale, "action": action}

    def _categorical(self, logits: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        choice = np.argmax(logits + noise, axis=-1, keepdims=True)
        return {"action": self._low + choice.astype(np.float32)}

    def _into_bounds(self, unit: np.ndarray) -> np.ndarray:
        """Scale [-1, 1] (N, A) to the action's bounds."""
        return self._low + (unit + np.float32(1.0)) * np.float32(0.5) * (self._high - self._low)


def preprocess(spec: MLPSpec, arrays: Arrays, observation: np.ndarray) -> np.ndarray:
    """Return the network's inputs (N, policy_size) for observations (N, O)."""
    visible = slice(spec.policy_size)
    if not spec.normalize:
        return observation[:, visible]
    mean, std = arrays["normalizer/mean"][visible], arrays["normalizer/std"][visible]
    return normalize(mean, std, observation[:, visible], spec.normalizer_clip)


def mlp(arrays: Arrays, x: np.ndarray, activation: str) -> dict[str, np.ndarray]:
    """Return the output of every layer for x (N, in), by name; the last one is linear."""
    last = sum(name.startswith("policy/hidden_") for name in arrays) // 2 - 1
    outputs = {}
    for i in range(last + 1):
        x = x @ arrays[f"policy/hidden_{i}/kernel"] + arrays[f"policy/hidden_{i}/bias"]
        outputs[f"hidden_{i}"] = x = ACTIVATIONS[activation](x) if i < last else x
    return outputs


def softplus(x: np.ndarray) -> np.ndarray:
    """Compute log(1 + exp(x)) without overflow."""
    return np.logaddexp(x, np.float32(0.0))
