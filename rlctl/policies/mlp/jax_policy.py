"""The same policy in JAX, jitted: one program for each batch size it meets."""

from typing import Any

import jax
import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.core.specs import PolicySpec
from rlctl.policies.mlp import tanh_normal
from rlctl.policies.mlp.jax_net import mlp
from rlctl.policies.normalizer import normalize


class JaxPolicy:
    """A multi-layer perceptron policy on JAX's default device.

    Args:
        spec: What the arrays mean.
        arrays: A checkpoint's group `policy`; see `rlctl.policies.base`.
    """

    def __init__(self, spec: PolicySpec, arrays: Arrays) -> None:
        self.spec = spec
        self._params = jax.device_put(
            {
                "mean": arrays["normalizer/mean"][: spec.policy_size],
                "std": arrays["normalizer/std"][: spec.policy_size],
                "layers": _layers(arrays),
                "low": np.asarray(spec.action_low, np.float32),
                "high": np.asarray(spec.action_high, np.float32),
            }
        )
        self._act = jax.jit(jax.vmap(self._act_one, in_axes=(None, 0, 0)))

    def act(self, observation: np.ndarray, *, noise: np.ndarray | None = None) -> np.ndarray:
        """See `rlctl.policies.base.Policy.act`."""
        spec = self.spec
        observation = np.asarray(observation, np.float32)
        if observation.shape[-1:] != (spec.observation_size,):
            raise ValueError(f"observation {observation.shape}, not (..., {spec.observation_size})")
        batch = observation.reshape(-1, spec.observation_size)
        if noise is None:
            draw = np.zeros((len(batch), spec.action_size), np.float32)
        else:
            draw = np.asarray(noise, np.float32).reshape(-1, spec.action_size)
        # Waiting for the result is also what makes the caller's buffers safe to write again.
        action = np.asarray(self._act(self._params, batch, draw))
        return action.reshape(*observation.shape[:-1], spec.action_size)

    def _act_one(self, params: Any, observation: jax.Array, noise: jax.Array) -> jax.Array:
        spec = self.spec
        x = observation[: spec.policy_size]
        if spec.normalize:
            x = normalize(params["mean"], params["std"], x, spec.normalizer_clip)
        logits = mlp(params["layers"], x, spec.activation)
        mean, scale = tanh_normal.mean_and_scale(logits, spec.min_std, spec.var_scale)
        return tanh_normal.scale_action(mean + scale * noise, params["low"], params["high"])


def _layers(arrays: Arrays) -> dict[str, dict[str, np.ndarray]]:
    count = sum(name.startswith("policy/") for name in arrays) // 2
    return {
        f"hidden_{i}": {part: arrays[f"policy/hidden_{i}/{part}"] for part in ("kernel", "bias")}
        for i in range(count)
    }
