"""The reference: the formulas of `PolicySpec` in numpy float32, needing no framework."""

from collections.abc import Callable

import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.core.specs import PolicySpec
from rlctl.policies.normalizer import normalize

# The exponential forms overflow for large inputs; these do not.
ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "swish": lambda x: 0.5 * x * (1.0 + np.tanh(0.5 * x)),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0.0),
    "elu": lambda x: np.where(x > 0.0, x, np.expm1(np.minimum(x, 0.0))),
}


class NumpyPolicy:
    """A multi-layer perceptron policy on numpy.

    Args:
        spec: What the arrays mean.
        arrays: A checkpoint's group `policy`; see `rlctl.policies.base`.
    """

    def __init__(self, spec: PolicySpec, arrays: Arrays) -> None:
        self.spec = spec
        self._arrays = arrays

    def act(self, observation: np.ndarray, *, noise: np.ndarray | None = None) -> np.ndarray:
        """See `rlctl.policies.base.Policy.act`."""
        spec = self.spec
        observation = np.asarray(observation, np.float32)
        if observation.shape[-1:] != (spec.observation_size,):
            raise ValueError(f"observation {observation.shape}, not (..., {spec.observation_size})")
        logits = mlp(self._arrays, normalized(spec, self._arrays, observation), spec.activation)
        raw, scale = np.split(logits, 2, axis=-1)
        if noise is not None:
            sigma = (softplus(scale) + np.float32(spec.min_std)) * np.float32(spec.var_scale)
            raw = raw + sigma * np.asarray(noise, np.float32)
        low, high = np.asarray([spec.action_low, spec.action_high], np.float32)
        return low + (np.tanh(raw) + np.float32(1.0)) * np.float32(0.5) * (high - low)


def normalized(spec: PolicySpec, arrays: Arrays, observation: np.ndarray) -> np.ndarray:
    """What the network sees of observations (..., O): (..., policy_size)."""
    seen = slice(spec.policy_size)
    if not spec.normalize:
        return observation[..., seen]
    mean, std = arrays["normalizer/mean"][seen], arrays["normalizer/std"][seen]
    return normalize(mean, std, observation[..., seen], spec.normalizer_clip)


def mlp(arrays: Arrays, x: np.ndarray, activation: str) -> np.ndarray:
    """Apply the layers policy/hidden_0, _1, ... to x (..., in); the last one is linear."""
    last = sum(name.startswith("policy/") for name in arrays) // 2 - 1
    for i in range(last + 1):
        x = x @ arrays[f"policy/hidden_{i}/kernel"] + arrays[f"policy/hidden_{i}/bias"]
        if i < last:
            x = ACTIVATIONS[activation](x)
    return x


def softplus(x: np.ndarray) -> np.ndarray:
    """log(1 + exp(x)), without overflow."""
    return np.logaddexp(x, np.float32(0.0))
