"""Policies: a spec and arrays, run by a back end (numpy, JAX or PyTorch).

The arrays are those of a checkpoint's group `policy`:

    normalizer/mean, /std (O,) float32                      of the whole observation
    policy/hidden_{i}/kernel [in, out] and /bias [out]      the last one is the output layer
    policy/log_std (A,)                                     only with the distribution `normal`

The group also has the value function's arrays, which are not needed to act.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.device import checked_name
from rlctl.core.errors import Incompatible, PackageMissing, UsageError
from rlctl.core.specs import PolicySpec

BACKENDS = {
    "numpy": "rlctl.policies.mlp.numpy_policy:NumpyPolicy",
    "jax": "rlctl.policies.mlp.jax_policy:JaxPolicy",
    "torch": "rlctl.policies.mlp.torch_policy:TorchPolicy",
}
ACTIVATIONS = ("swish", "tanh", "relu", "elu")
DISTRIBUTIONS = ("tanh_normal", "normal", "categorical")


class Policy(ABC):
    """A policy, including its observation normaliser: observations -> actions.

    A back end implements `_act` and `_stages` for batches; this class checks and converts shapes.

    Attributes:
        spec: Sizes, distribution and action bounds.
        backend: `numpy`, `jax` or `torch`.
        env: Catalog name of the environment it was trained in, None if unknown.
        settings: Settings of that environment by full name, for `rlctl.make`.
        step: Environment steps it was trained for, None if unknown.
        checkpoint: Folder of its checkpoint, None if unknown.
    """

    backend: ClassVar[str]
    env: str | None = None
    settings: Mapping[str, Any] = MappingProxyType({})
    step: int | None = None
    checkpoint: Path | None = None

    def __init__(self, spec: PolicySpec) -> None:
        self.spec = spec

    def __repr__(self) -> str:
        known = {"env": self.env, "step": self.step, "sizes": layer_sizes(self.spec)}
        known["backend"] = self.backend
        return f"Policy({', '.join(f'{name}={value!r}' for name, value in known.items())})"

    def act(self, observation: np.ndarray, *, noise: np.ndarray | None = None) -> np.ndarray:
        """Return the action for one observation or a batch.

        Args:
            observation: (O,) or (N, O), in the environment's units. The privileged part may be
                left out, as rlctl's Gymnasium environments do.
            noise: (Z,) or (N, Z) from `sample_noise`; None for the deterministic action.

        Returns:
            (A,) or (N, A) float32, within the spec's bounds, in the environment's units.

        Raises:
            ValueError: An array has the wrong shape.
        """
        action = self._act(*self._as_batch(observation, noise))
        return action.reshape(*np.shape(observation)[:-1], self.spec.action_size)

    def stages(
        self, observation: np.ndarray, *, noise: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Return all intermediate results of a batch, in order of computation.

        Args:
            observation: (N, O), as for `act`.
            noise: (N, Z) or None, as for `act`.

        Returns:
            Name -> (N, ...) float32, with the names of `stage_names`.
        """
        stages = self._stages(*self._as_batch(observation, noise))
        return {name: stages[name] for name in stage_names(self.spec)}

    def _as_batch(
        self, observation: np.ndarray, noise: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return float32 observation (N, O) and noise (N, Z), zeros for None."""
        spec = self.spec
        observation = np.asarray(observation, np.float32)
        if observation.shape[-1:] == (spec.policy_size,):  # without the privileged part: pad it
            missing = spec.observation_size - spec.policy_size
            observation = np.pad(observation, [(0, 0)] * (observation.ndim - 1) + [(0, missing)])
        if observation.shape[-1:] != (spec.observation_size,):
            raise ValueError(f"observation {observation.shape}, not (..., {spec.observation_size})")
        shape = (*observation.shape[:-1], spec.noise_size)
        noise = np.zeros(shape, np.float32) if noise is None else np.asarray(noise, np.float32)
        if noise.shape != shape:
            raise ValueError(f"noise {noise.shape}, not {shape}")
        return observation.reshape(-1, spec.observation_size), noise.reshape(-1, spec.noise_size)

    @abstractmethod
    def _act(self, observation: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Return actions (N, A) for observations (N, O) and noise (N, Z)."""

    @abstractmethod
    def _stages(self, observation: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """Return the stages for observations (N, O) and noise (N, Z), by name."""


def policy_of(checkpoint: Checkpoint, backend: str = "numpy", device: str = "auto") -> Policy:
    """Make the policy of a checkpoint.

    Args:
        checkpoint: Loaded with group `policy`.
        backend: A key of `BACKENDS`.
        device: One of `rlctl.core.device.DEVICES`; `auto` is the back end's default.

    Raises:
        Incompatible: This version does not support the spec or arrays.
        UsageError: No such back end or device.
        DeviceUnavailable: The back end is not installed, or has no such device here.
    """
    policy = make_policy(spec_of(checkpoint), checkpoint.groups["policy"], backend, device)
    env = checkpoint.manifest.get("env") or {}
    policy.env, policy.step, policy.checkpoint = env.get("id"), checkpoint.step, checkpoint.path
    if isinstance(config := env.get("config"), dict):
        policy.settings = {f"env.{name}": value for name, value in config.items()}
    return policy


def spec_of(checkpoint: Checkpoint) -> PolicySpec:
    """Return the policy spec of a checkpoint.

    Raises:
        Incompatible: This version does not support it.
    """
    try:
        return PolicySpec.from_json(checkpoint.manifest["policy"])
    except ValueError as error:
        raise Incompatible(
            f"{checkpoint.path} describes no policy that this rlctl knows: {error}",
            "install the rlctl version that wrote it",
        ) from error


def make_policy(
    spec: PolicySpec, arrays: Arrays, backend: str = "numpy", device: str = "auto"
) -> Policy:
    """Make the policy of a spec and arrays.

    Args:
        spec: The policy's spec.
        arrays: Name -> array, see the module's docstring; arrays not needed are ignored.
        backend: A key of `BACKENDS`.
        device: One of `rlctl.core.device.DEVICES`.

    Raises:
        Incompatible: An array is missing or has another shape or dtype than the spec says.
        UsageError: No such back end or device.
        DeviceUnavailable: The back end is not installed, or has no such device here.
    """
    if backend not in BACKENDS:
        raise UsageError(f"there is no back end {backend!r}; there are {', '.join(BACKENDS)}")
    device = checked_name(device)
    check_arrays(spec, arrays)
    module, _, name = BACKENDS[backend].partition(":")
    try:
        policy_class = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name != backend:
            raise
        raise PackageMissing(
            f"the {backend} back end needs {backend}, which is not installed",
            backend,
            instead="use another --backend",
        ) from error
    return policy_class(spec, arrays, device)


def sample_noise(spec: PolicySpec, rng: np.random.Generator, n: int) -> np.ndarray:
    """Sample the noise of n actions, (n, spec.noise_size) float32.

    Standard normal, or standard Gumbel for a categorical policy: argmax(h + Gumbel noise) is k with
    probability softmax(h)_k.
    """
    sample = rng.gumbel if spec.distribution == "categorical" else rng.normal
    return sample(size=(n, spec.noise_size)).astype(np.float32)


def action_bounds(spec: PolicySpec) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return low and high (A,) float32, 0 where unbounded, and a mask (A,) of bounded components.

    A component is bounded only if it has both bounds.
    """
    pairs = list(zip(spec.action_low, spec.action_high, strict=True))
    bounded = np.array([None not in pair for pair in pairs])
    low, high = np.array([(0, 0) if None in pair else pair for pair in pairs], np.float32).T
    return low, high, bounded


def stage_names(spec: PolicySpec) -> list[str]:
    """Return the names of the intermediate results of an action, in order.

    `normalized` (policy_size), every layer's output under its name in the arrays, `mean` and
    `scale` (A) of the raw action if the distribution has them, `action` (A).
    """
    layers = [f"hidden_{i}" for i in range(len(spec.policy_hidden_layer_sizes) + 1)]
    moments = [] if spec.distribution == "categorical" else ["mean", "scale"]
    return ["normalized", *layers, *moments, "action"]


def layer_sizes(spec: PolicySpec) -> tuple[int, ...]:
    """Return the widths of the policy network: input, hidden layers, output."""
    return (spec.policy_size, *spec.policy_hidden_layer_sizes, spec.output_size)


def expected_shapes(spec: PolicySpec) -> dict[str, tuple[int, ...]]:
    """Return name -> shape of the arrays needed to act; all are float32."""
    sizes = layer_sizes(spec)
    shapes: dict[str, tuple[int, ...]] = {
        "normalizer/mean": (spec.observation_size,),
        "normalizer/std": (spec.observation_size,),
    }
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        shapes[f"policy/hidden_{i}/kernel"] = (inputs, outputs)
        shapes[f"policy/hidden_{i}/bias"] = (outputs,)
    if spec.distribution == "normal":
        shapes["policy/log_std"] = (spec.action_size,)
    return shapes


def check_arrays(spec: PolicySpec, arrays: Arrays) -> None:
    """Check that this version supports the spec and that the arrays fit it.

    Raises:
        Incompatible: One of them does not.
    """
    if spec.activation not in ACTIVATIONS or spec.distribution not in DISTRIBUTIONS:
        raise Incompatible(
            f"the policy has activation {spec.activation!r} and distribution "
            f"{spec.distribution!r}; this rlctl knows {', '.join(ACTIVATIONS)} and "
            f"{', '.join(DISTRIBUTIONS)}"
        )
    _check_bounds(spec)
    _check_sizes(spec)
    for name, shape in expected_shapes(spec).items():
        array = arrays.get(name)
        if array is None or array.shape != shape or array.dtype != np.float32:
            given = "is missing" if array is None else f"is {array.dtype}{list(array.shape)}"
            raise Incompatible(f"{name} {given}; the policy's spec needs float32{list(shape)}")
    layers = {name for name in arrays if name.startswith("policy/")}
    if extra := sorted(layers - set(expected_shapes(spec))):
        raise Incompatible(f"array {extra[0]} belongs to no layer of the policy's spec")


def _check_sizes(spec: PolicySpec) -> None:
    sizes = (spec.policy_size, *spec.policy_hidden_layer_sizes)
    if min(sizes) < 1 or spec.policy_size > spec.observation_size:
        raise Incompatible(
            f"the policy has {spec.policy_size} inputs of {spec.observation_size} observed numbers "
            f"and hidden layers of {list(spec.policy_hidden_layer_sizes)} units"
        )


def _check_bounds(spec: PolicySpec) -> None:
    low, high = spec.action_low, spec.action_high
    if len(low) != len(high) or not low:
        raise Incompatible(f"the policy has {len(low)} lower and {len(high)} upper action bounds")
    if spec.distribution != "normal" and None in (*low, *high):
        raise Incompatible(f"a {spec.distribution} policy needs bounds for its actions")
    first, last = low[0], high[0]
    ordered = first is not None and last is not None and first <= last
    if spec.distribution == "categorical" and not (len(low) == 1 and ordered):
        raise Incompatible(f"a categorical policy makes one choice, not one from {low} to {high}")
