"""What a policy is, and how one is made from a checkpoint: a spec, arrays and a back end.

The arrays are those of a checkpoint's group `policy`:

    normalizer/mean, /std (O,) float32                      of the whole observation
    policy/hidden_{i}/kernel [in, out] and /bias [out]      the last one is the output layer
    policy/log_std (A,)                                     of the distribution `normal` alone

The value function's arrays lie beside them and are not needed to act.
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
    """Turns observations into actions, with its normaliser inside.

    A back end gives `_act` and `_stages`; shapes are looked after here.

    Attributes:
        spec: All that can be said of it without its arrays.
        backend: `numpy`, `jax` or `torch`.
        env: The environment it was trained in, None where its maker did not say.
        settings: Those of its environment by full name, for `rlctl.make`.
        step: Environment steps it was trained for, None where its maker did not say.
        checkpoint: The folder it comes from, likewise.
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
        """The action for one observation, or for each of a batch.

        Args:
            observation: (O,) or (N, O), in the environment's units; or only the part of it that
                the policy sees, as rlctl's Gymnasium environments give it.
            noise: (Z,) or (N, Z) as `draw_noise` draws it; None for the deterministic action.

        Returns:
            (A,) or (N, A) float32, within the spec's bounds, in the environment's units.

        Raises:
            ValueError: An array of another size.
        """
        rows, draw = self._rows(observation, noise)
        action = self._act(rows, draw)
        return action.reshape(*np.shape(observation)[:-1], self.spec.action_size)

    def stages(
        self, observation: np.ndarray, *, noise: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """All that is computed on the way to the actions of a batch, in order.

        Args:
            observation: (N, O), as for `act`.
            noise: (N, Z) or None, as for `act`.

        Returns:
            Name -> (N, ...) float32, the names being those of `stage_names`.
        """
        found = self._stages(*self._rows(observation, noise))
        return {name: found[name] for name in stage_names(self.spec)}

    def _rows(
        self, observation: np.ndarray, noise: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Observation (N, O) and noise (N, Z), 0 for none, in float32."""
        spec = self.spec
        observation = np.asarray(observation, np.float32)
        if observation.shape[-1:] == (spec.policy_size,):  # the rest is for the value function
            unseen = spec.observation_size - spec.policy_size
            observation = np.pad(observation, [(0, 0)] * (observation.ndim - 1) + [(0, unseen)])
        if observation.shape[-1:] != (spec.observation_size,):
            raise ValueError(f"observation {observation.shape}, not (..., {spec.observation_size})")
        shape = (*observation.shape[:-1], spec.noise_size)
        draw = np.zeros(shape, np.float32) if noise is None else np.asarray(noise, np.float32)
        if draw.shape != shape:
            raise ValueError(f"noise {draw.shape}, not {shape}")
        return observation.reshape(-1, spec.observation_size), draw.reshape(-1, spec.noise_size)

    @abstractmethod
    def _act(self, observation: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Actions (N, A) of observations (N, O) and noise (N, Z)."""

    @abstractmethod
    def _stages(self, observation: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """The stages of observations (N, O) and noise (N, Z), by name."""


def policy_of(checkpoint: Checkpoint, backend: str = "numpy", device: str = "auto") -> Policy:
    """The policy in a checkpoint.

    Args:
        checkpoint: Loaded with group `policy`.
        backend: A key of `BACKENDS`.
        device: One of `rlctl.core.device.DEVICES`; `auto` is the back end's own choice.

    Raises:
        Incompatible: Its spec or arrays are of no policy that this version knows.
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
    """What a checkpoint says of its policy.

    Raises:
        Incompatible: It is none that this version knows.
    """
    try:
        return PolicySpec.from_json(checkpoint.manifest["policy"])
    except ValueError as error:
        raise Incompatible(
            f"{checkpoint.path} describes no policy that this rlctl knows: {error}",
            "install the version of rlctl that wrote it",
        ) from error


def make_policy(
    spec: PolicySpec, arrays: Arrays, backend: str = "numpy", device: str = "auto"
) -> Policy:
    """The policy that `spec` describes, with these arrays.

    Args:
        spec: What the arrays mean.
        arrays: Name -> array, as above; names not needed are ignored.
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
    check(spec, arrays)
    module, _, name = BACKENDS[backend].partition(":")
    try:
        made = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name != backend:
            raise
        raise PackageMissing(
            f"the {backend} back end needs {backend}, which is not installed",
            backend,
            instead="use another --backend",
        ) from error
    return made(spec, arrays, device)


def draw_noise(spec: PolicySpec, rng: np.random.Generator, n: int) -> np.ndarray:
    """The noise behind n actions, (n, spec.noise_size) float32.

    Standard normal, or standard Gumbel for a categorical policy: h + Gumbel noise is largest at k
    with the probability softmax(h)_k.
    """
    draw = rng.gumbel if spec.distribution == "categorical" else rng.normal
    return draw(size=(n, spec.noise_size)).astype(np.float32)


def action_bounds(spec: PolicySpec) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Low and high (A,) float32, 0 where the action has none, and (A,) bool telling where it has.

    A component is bounded only if both its bounds are given.
    """
    pairs = list(zip(spec.action_low, spec.action_high, strict=True))
    bounded = np.array([None not in pair for pair in pairs])
    low, high = np.array([(0, 0) if None in pair else pair for pair in pairs], np.float32).T
    return low, high, bounded


def stage_names(spec: PolicySpec) -> list[str]:
    """What is computed on the way to an action, in order.

    `normalized` (policy_size), every layer's output under its name in the arrays, `mean` and
    `scale` (A) of the raw action where the distribution has them, `action` (A).
    """
    layers = [f"hidden_{i}" for i in range(len(spec.policy_hidden_layer_sizes) + 1)]
    moments = [] if spec.distribution == "categorical" else ["mean", "scale"]
    return ["normalized", *layers, *moments, "action"]


def layer_sizes(spec: PolicySpec) -> tuple[int, ...]:
    """How many numbers the network sees, how many each hidden layer has, how many come out."""
    return (spec.policy_size, *spec.policy_hidden_layer_sizes, spec.output_size)


def expected_shapes(spec: PolicySpec) -> dict[str, tuple[int, ...]]:
    """Name -> shape of the arrays that acting needs; all are float32."""
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


def check(spec: PolicySpec, arrays: Arrays) -> None:
    """Refuse what would give wrong actions rather than none.

    Raises:
        Incompatible: The spec is of no policy that this version knows, or the arrays do not fit it.
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
        held = arrays.get(name)
        if held is None or held.shape != shape or held.dtype != np.float32:
            found = "is missing" if held is None else f"is {held.dtype}{list(held.shape)}"
            raise Incompatible(f"{name} {found}, the policy's spec says float32{list(shape)}")
    layers = {name for name in arrays if name.startswith("policy/")}
    if extra := sorted(layers - set(expected_shapes(spec))):
        raise Incompatible(f"{extra[0]} is an array that the policy's spec has no layer for")


def _check_sizes(spec: PolicySpec) -> None:
    sizes = (spec.policy_size, *spec.policy_hidden_layer_sizes)
    if min(sizes) < 1 or spec.policy_size > spec.observation_size:
        raise Incompatible(
            f"the policy sees {spec.policy_size} of {spec.observation_size} numbers, and its "
            f"layers have {list(spec.policy_hidden_layer_sizes)}"
        )


def _check_bounds(spec: PolicySpec) -> None:
    low, high = spec.action_low, spec.action_high
    if len(low) != len(high) or not low:
        raise Incompatible(f"the policy has {len(low)} lower and {len(high)} upper action bounds")
    if spec.distribution != "normal" and None in (*low, *high):
        raise Incompatible(f"a {spec.distribution} policy needs bounds of its actions")
    if spec.distribution == "categorical" and (len(low) > 1 or not low[0] <= high[0]):
        raise Incompatible(f"a categorical policy makes one choice, not from {low} to {high}")
