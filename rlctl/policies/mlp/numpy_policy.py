"""The reference: the formulas of `PolicySpec` in numpy float32, needing no framework.

Shapes: N batch, O observation, A action, Z noise.
"""

from collections.abc import Callable

import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.core.specs import PolicySpec
from rlctl.policies.base import Policy, action_bounds
from rlctl.policies.normalizer import normalize

# The exponential forms overflow for large inputs; these do not.
ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "swish": lambda x: 0.5 * x * (1.0 + np.tanh(0.5 * x)),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0.0),
    "elu": lambda x: np.where(x > 0.0, x, np.expm1(np.minimum(x, 0.0))),
}


class NumpyPolicy(Policy):
    """A multi-layer perceptron policy on numpy, which has the CPU alone.

    Args:
        spec: What the arrays mean.
        arrays: A checkpoint's group `policy`; see `rlctl.policies.base`.
        device: Makes no difference.
    """

    backend = "numpy"

    def __init__(self, spec: PolicySpec, arrays: Arrays, device: str = "auto") -> None:
        super().__init__(spec)
        self._arrays = arrays
        self._low, self._high, self._bounded = action_bounds(spec)

    def _act(self, observation: np.ndarray, noise: np.ndarray) -> np.ndarray:
        return self._stages(observation, noise)["action"]

    def _stages(self, observation: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        x = normalized(self.spec, self._arrays, observation)
        layers = mlp(self._arrays, x, self.spec.activation)
        *_, output = layers.values()
        head = {
            "tanh_normal": self._tanh_normal,
            "normal": self._normal,
            "categorical": self._categorical,
        }[self.spec.distribution]
        return {"normalized": x, **layers, **head(output, noise)}

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
        """From [-1, 1] (N, A) to the bounds."""
        return self._low + (unit + np.float32(1.0)) * np.float32(0.5) * (self._high - self._low)


def normalized(spec: PolicySpec, arrays: Arrays, observation: np.ndarray) -> np.ndarray:
    """What the network sees of observations (N, O): (N, policy_size)."""
    seen = slice(spec.policy_size)
    if not spec.normalize:
        return observation[:, seen]
    mean, std = arrays["normalizer/mean"][seen], arrays["normalizer/std"][seen]
    return normalize(mean, std, observation[:, seen], spec.normalizer_clip)


def mlp(arrays: Arrays, x: np.ndarray, activation: str) -> dict[str, np.ndarray]:
    """What every layer policy/hidden_i gives for x (N, in), by name; the last one is linear."""
    last = sum(name.startswith("policy/hidden_") for name in arrays) // 2 - 1
    found = {}
    for i in range(last + 1):
        x = x @ arrays[f"policy/hidden_{i}/kernel"] + arrays[f"policy/hidden_{i}/bias"]
        found[f"hidden_{i}"] = x = ACTIVATIONS[activation](x) if i < last else x
    return found


def softplus(x: np.ndarray) -> np.ndarray:
    """log(1 + exp(x)), without overflow."""
    return np.logaddexp(x, np.float32(0.0))
