"""Back end in PyTorch.

Shapes: N batch, O observation, A action, Z noise.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from rlctl.checkpoints.arrays import Arrays
from rlctl.core.errors import DeviceUnavailable
from rlctl.policies.base import Memory, Policy, action_bounds
from rlctl.policies.mlp.spec import MLPSpec
from rlctl.policies.mlp.torch_net import layers
from rlctl.policies.normalizer import normalize


class TorchPolicy(Policy[MLPSpec]):
    """A multi-layer perceptron policy on PyTorch.

    Args:
        spec: The policy's spec.
        arrays: A checkpoint's group `policy`; see `rlctl.policies.mlp.kind`.
        device: `auto` is the GPU if PyTorch sees one.

    Raises:
        DeviceUnavailable: PyTorch sees no GPU.
    """

    backend = "torch"

    def __init__(self, spec: MLPSpec, arrays: Arrays, device: str = "auto") -> None:
        super().__init__(spec)
        self._device = _device(device)
        self._params = {
            name.removeprefix("policy/"): self._tensor(array)
            for name, array in arrays.items()
            if name.startswith("policy/")
        }
        visible = slice(spec.policy_size)
        self._mean = self._tensor(arrays["normalizer/mean"][visible])
        self._std = self._tensor(arrays["normalizer/std"][visible])
        self._low, self._high, self._bounded = map(self._tensor, action_bounds(spec))

    def _apply(
        self, observation: np.ndarray, memory: Memory, noise: np.ndarray
    ) -> tuple[np.ndarray, Memory]:
        stages = self._stages_of(observation, memory, noise)
        action, *after = (stages[name] for name in ("action", *(x.name for x in self.spec.memory)))
        return action.numpy(force=True), tuple(x.numpy(force=True) for x in after)

    def _stages(
        self, observation: np.ndarray, memory: Memory, noise: np.ndarray
    ) -> dict[str, np.ndarray]:
        stages = self._stages_of(observation, memory, noise)
        return {name: stage.numpy(force=True) for name, stage in stages.items()}

    @torch.inference_mode()
    def _stages_of(
        self, observation: np.ndarray, memory: Memory, noise: np.ndarray
    ) -> dict[str, Tensor]:
        spec = self.spec
        x = self._tensor(observation)[:, : spec.policy_size]
        if spec.normalize:
            x = normalize(self._mean, self._std, x, spec.normalizer_clip)
        outputs = self._layers(tuple(map(self._tensor, memory)), x)
        *_, output = outputs.values()
        head = {
            "tanh_normal": self._tanh_normal,
            "normal": self._normal,
            "categorical": self._categorical,
        }[spec.distribution]
        return {"normalized": x, **outputs, **head(output, self._tensor(noise))}

    def _layers(self, memory: tuple[Tensor, ...], x: Tensor) -> dict[str, Tensor]:
        """Return the output of every layer for inputs x (N, policy_size), by name, in order."""
        return layers(self._params, x, self.spec.activation)

    def _tanh_normal(self, output: Tensor, noise: Tensor) -> dict[str, Tensor]:
        mean, raw = output.chunk(2, dim=-1)
        scale = (softplus(raw) + self.spec.min_std) * self.spec.var_scale
        action = self._into_bounds(torch.tanh(mean + scale * noise))
        return {"mean": mean, "scale": scale, "action": action}

    def _normal(self, mean: Tensor, noise: Tensor) -> dict[str, Tensor]:
        scale = self._params["log_std"].exp().expand_as(mean)
        u = mean + scale * noise
        action = torch.where(self._bounded, self._into_bounds(u.clip(-1.0, 1.0)), u)
        return {"mean": mean, "scale": scale, "action": action}

    def _categorical(self, logits: Tensor, noise: Tensor) -> dict[str, Tensor]:
        choice = (logits + noise).argmax(dim=-1, keepdim=True)
        return {"action": self._low + choice}

    def _into_bounds(self, unit: Tensor) -> Tensor:
        """Scale [-1, 1] (N, A) to the action's bounds."""
        return self._low + (unit + 1.0) * 0.5 * (self._high - self._low)

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.tensor(array, device=self._device)


def _device(name: str) -> torch.device:
    has_gpu = torch.cuda.is_available()
    if name == "gpu" and not has_gpu:
        raise DeviceUnavailable(
            "PyTorch sees no GPU", "use --device cpu; `rlctl device-check` lists the devices"
        )
    return torch.device("cuda" if has_gpu and name != "cpu" else "cpu")
