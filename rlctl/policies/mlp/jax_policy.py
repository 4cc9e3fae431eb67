"""Back end in JAX, jitted: one program for each batch size."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.core import forked
from rlctl.core.errors import DeviceUnavailable
from rlctl.policies.base import Memory, Policy, action_bounds
from rlctl.policies.mlp import tanh_normal
from rlctl.policies.mlp.jax_net import layers
from rlctl.policies.mlp.spec import MLPSpec
from rlctl.policies.normalizer import normalize

Stages = dict[str, jax.Array]


class JaxPolicy(Policy[MLPSpec]):
    """A multi-layer perceptron policy on JAX.

    Args:
        spec: The policy's spec.
        arrays: A checkpoint's group `policy`; see `rlctl.policies.mlp.kind`.
        device: `auto` is JAX's default device.

    Raises:
        DeviceUnavailable: JAX has no such device.
    """

    backend = "jax"

    def __init__(self, spec: MLPSpec, arrays: Arrays, device: str = "auto") -> None:
        super().__init__(spec)
        low, high, bounded = action_bounds(spec)
        params = {
            "mean": arrays["normalizer/mean"][: spec.policy_size],
            "std": arrays["normalizer/std"][: spec.policy_size],
            "layers": _nested(arrays),
            "low": low,
            "high": high,
            "bounded": bounded,
            "log_std": arrays.get("policy/log_std"),
        }
        self._params = jax.device_put(params, _device(device))
        self._jitted_stages = jax.jit(jax.vmap(self._stages_of, in_axes=(None, 0, 0, 0)))
        self._jitted_apply = jax.jit(self._action_and_memory)

    def _apply(
        self, observation: np.ndarray, memory: Memory, noise: np.ndarray
    ) -> tuple[np.ndarray, Memory]:
        forked.check("a JAX policy")
        action, after = self._jitted_apply(self._params, observation, memory, noise)
        # np.asarray waits for the result, so the caller may overwrite its arrays afterwards.
        return np.asarray(action), tuple(map(np.asarray, after))

    def _stages(
        self, observation: np.ndarray, memory: Memory, noise: np.ndarray
    ) -> dict[str, np.ndarray]:
        forked.check("a JAX policy")
        return jax.device_get(self._jitted_stages(self._params, observation, memory, noise))

    def _action_and_memory(self, *inputs: Any) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        stages = self._jitted_stages(*inputs)
        return stages["action"], tuple(stages[x.name] for x in self.spec.memory)

    def _stages_of(
        self,
        params: Any,
        observation: jax.Array,
        memory: tuple[jax.Array, ...],
        noise: jax.Array,
    ) -> Stages:
        """Return the stages for one observation (O,), memory and noise (Z,)."""
        spec = self.spec
        x = observation[: spec.policy_size]
        if spec.normalize:
            x = normalize(params["mean"], params["std"], x, spec.normalizer_clip)
        with jax.default_matmul_precision("highest"):  # otherwise GPUs round to TF32
            outputs = self._layers(params["layers"], memory, x)
        *_, output = outputs.values()
        head = {"tanh_normal": _tanh_normal, "normal": _normal, "categorical": _categorical}
        return {"normalized": x, **outputs, **head[spec.distribution](spec, params, output, noise)}

    def _layers(self, params: Any, memory: tuple[jax.Array, ...], x: jax.Array) -> Stages:
        """Return the output of every layer for inputs x (policy_size,), by name, in order."""
        return layers(params, x, self.spec.activation)


def _tanh_normal(spec: MLPSpec, params: Any, output: jax.Array, noise: jax.Array) -> Stages:
    mean, scale = tanh_normal.mean_and_scale(output, spec.min_std, spec.var_scale)
    action = tanh_normal.scale_action(mean + scale * noise, params["low"], params["high"])
    return {"mean": mean, "scale": scale, "action": action}


def _normal(spec: MLPSpec, params: Any, mean: jax.Array, noise: jax.Array) -> Stages:
    low, high, scale = params["low"], params["high"], jnp.exp(params["log_std"])
    u = mean + scale * noise
    action = jnp.where(params["bounded"], low + (u.clip(-1.0, 1.0) + 1.0) * 0.5 * (high - low), u)
    return {"mean": mean, "scale": scale, "action": action}


def _categorical(spec: MLPSpec, params: Any, logits: jax.Array, noise: jax.Array) -> Stages:
    choice = jnp.argmax(logits + noise, keepdims=True)
    return {"action": params["low"] + choice.astype(jnp.float32)}


def _nested(arrays: Arrays) -> dict[str, dict[str, np.ndarray]]:
    """Return the layers of the policy: {"hidden_0": {"kernel", "bias"}, ...}."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        group, _, rest = name.partition("/")
        layer, slash, part = rest.partition("/")
        if group == "policy" and slash:
            found.setdefault(layer, {})[part] = array
    return found


# JAX declares Device as a variable.
def _device(name: str) -> jax.Device | None:  # pyright: ignore[reportInvalidTypeForm]
    if name == "auto":
        return None
    try:
        return jax.devices(name)[0]
    except RuntimeError as error:
        raise DeviceUnavailable(
            f"JAX has no {name} on this machine", "`rlctl device-check` lists the devices"
        ) from error
