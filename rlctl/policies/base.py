"""Policies: a spec and arrays, run by a back end (numpy, JAX or PyTorch).

The arrays are those of a checkpoint's group `policy`; the kind of the policy says which it needs.
The group also has the value function's arrays, which are not needed to act.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np

from rlctl import catalog
from rlctl.checkpoints.arrays import Arrays
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.device import checked_name
from rlctl.core.errors import Incompatible, PackageMissing, UsageError
from rlctl.core.specs import PolicySpec
from rlctl.policies.observations import Observation, as_batch

AnySpec = TypeVar("AnySpec", bound=PolicySpec)
Memory = tuple[np.ndarray, ...]  # (N, ...) for each of `PolicySpec.memory`; () without memory


class PolicyKind(Protocol[AnySpec]):
    """Functions of one kind of policies; the catalog's row of the kind names such an object."""

    @property
    def spec(self) -> type[AnySpec]:
        """Type of its specs; its `kind` is the name in the catalog."""
        ...

    @property
    def backends(self) -> Mapping[str, str]:
        """Back end -> "module:attribute", a callable (spec, arrays, device) -> Policy."""
        ...

    def check(self, spec: AnySpec, /) -> None:
        """Check that this version supports the spec.

        Raises:
            Incompatible: It does not.
        """
        ...

    def shapes(self, spec: AnySpec, /) -> dict[str, tuple[int, ...]]:
        """Return name -> shape of the arrays needed to act; all are float32."""
        ...

    def stage_names(self, spec: AnySpec, /) -> list[str]:
        """Return the names of an action's intermediate results, in order; the last is `action`.

        The arrays of the memory after the step are stages under their names.
        """
        ...

    def sample_noise(self, spec: AnySpec, rng: np.random.Generator, n: int, /) -> np.ndarray:
        """Sample the noise of n actions, (n, spec.noise_size) float32."""
        ...

    def sample_observations(
        self, spec: AnySpec, arrays: Arrays, rng: np.random.Generator, n: int, /
    ) -> Observation:
        """Sample n observations like those of training, and perhaps a few unusual ones."""
        ...


class Policy(ABC, Generic[AnySpec]):
    """A policy, including its observation normaliser: observations -> actions.

    A policy with memory keeps it from one `act` to the next; `reset` starts new episodes. `apply`
    is the same as a pure function, with the memory as argument and result. A back end implements
    `_apply` and `_stages` for batches; this class checks and converts shapes.

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

    def __init__(self, spec: AnySpec) -> None:
        self.spec = spec
        self._memory: Memory | None = None  # of `act`, None before the first step

    def __repr__(self) -> str:
        known = {"env": self.env, "step": self.step, "network": self.spec.summary}
        known["backend"] = self.backend
        return f"Policy({', '.join(f'{name}={value!r}' for name, value in known.items())})"

    def act(self, observation: Observation, *, noise: np.ndarray | None = None) -> np.ndarray:
        """Return the action for one observation or a batch.

        Args:
            observation: (O,) or (N, O), in the environment's units. The privileged part may be
                left out, as rlctl's Gymnasium environments do. A mapping of named arrays if the
                spec has `inputs`.
            noise: (Z,) or (N, Z) from `sample_noise`; None for the deterministic action.

        Returns:
            (A,) or (N, A) float32, within the spec's bounds, in the environment's units.

        Raises:
            ValueError: An array has the wrong shape; or, with memory, there are not as many
                observations as in the step before.
        """
        action, self._memory = self.apply(observation, self._memory, noise=noise)
        return action

    def reset(self, ended: np.ndarray | None = None) -> None:
        """Start new episodes: let `act` forget. Without memory it does nothing.

        Args:
            ended: (N,) bool, the environments whose episode ended; None for all.
        """
        if ended is None or self._memory is None:
            self._memory = None
        else:
            self._memory = reset_memory(self._memory, ended)

    def apply(
        self,
        observation: Observation,
        memory: Memory | None = None,
        *,
        noise: np.ndarray | None = None,
    ) -> tuple[np.ndarray, Memory]:
        """Return the action for one observation or a batch, and the memory for the next step.

        Args:
            observation: As for `act`.
            memory: Memory after the step before; None at the start of an episode.
            noise: As for `act`.
        """
        lead, batch, memory, noise = self._as_batch(observation, memory, noise)
        action, memory = self._apply(batch, memory, noise)
        return action.reshape(*lead, self.spec.action_size), memory

    def stages(
        self,
        observation: Observation,
        memory: Memory | None = None,
        *,
        noise: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Return all intermediate results of a batch, in order of computation.

        Args:
            observation: (N, O), as for `act`.
            memory: As for `apply`.
            noise: (N, Z) or None, as for `act`.

        Returns:
            Name -> (N, ...) float32, with the names of `stage_names`.
        """
        _, batch, memory, noise = self._as_batch(observation, memory, noise)
        stages = self._stages(batch, memory, noise)
        return {name: stages[name] for name in stage_names(self.spec)}

    def initial_memory(self, n: int) -> Memory:
        """Return the memory of n environments at the start of an episode: zeros."""
        return tuple(np.zeros((n, *x.shape), x.dtype) for x in self.spec.memory)

    def _as_batch(
        self, observation: Observation, memory: Memory | None, noise: np.ndarray | None
    ) -> tuple[tuple[int, ...], Any, Memory, np.ndarray]:
        """Return batch axes, observation (N, ...), memory (N, ...), zeros for None, and noise."""
        lead, batch = as_batch(self.spec, observation)
        shape = (*lead, self.spec.noise_size)
        noise = np.zeros(shape, np.float32) if noise is None else np.asarray(noise, np.float32)
        if noise.shape != shape:
            raise ValueError(f"noise {noise.shape}, not {shape}")
        noise = noise.reshape(-1, self.spec.noise_size)
        if memory is None:
            memory = self.initial_memory(len(noise))
        for array in memory:
            if len(array) != len(noise):
                raise ValueError(
                    f"{len(noise)} observations after {len(array)} in the step before; "
                    "`reset` starts new episodes"
                )
        return lead, batch, memory, noise

    @abstractmethod
    def _apply(
        self, observation: Any, memory: Memory, noise: np.ndarray
    ) -> tuple[np.ndarray, Memory]:
        """Return actions (N, A) and memory for observations (N, O) and noise (N, Z)."""

    @abstractmethod
    def _stages(self, observation: Any, memory: Memory, noise: np.ndarray) -> dict[str, np.ndarray]:
        """Return the stages for observations (N, O) and noise (N, Z), by name."""


def reset_memory(memory: Memory, ended: np.ndarray) -> Memory:
    """Return the memory with zeros where an episode ended (N,)."""
    keep = ~np.asarray(ended, bool)
    return tuple(x * keep.reshape(-1, *(1,) * (x.ndim - 1)).astype(x.dtype) for x in memory)


def kind_of(spec: AnySpec) -> PolicyKind[AnySpec]:
    """Return the functions of a spec's kind."""
    return catalog.policy_kind(spec.kind)


def policy_of(checkpoint: Checkpoint, backend: str = "numpy", device: str = "auto") -> Policy:
    """Make the policy of a checkpoint.

    Args:
        checkpoint: Loaded with group `policy`.
        backend: A back end of the policy's kind.
        device: One of `rlctl.core.device.DEVICES`; `auto` is the back end's default.

    Raises:
        Incompatible: This version does not support the spec or arrays.
        UsageError: No such back end or device.
        DeviceUnavailable: The back end is not installed, or has no such device here.
    """
    policy = make_policy(checkpoint.policy, checkpoint.groups["policy"], backend, device)
    env = checkpoint.manifest.get("env") or {}
    policy.env, policy.step, policy.checkpoint = env.get("id"), checkpoint.step, checkpoint.path
    if isinstance(config := env.get("config"), dict):
        policy.settings = {f"env.{name}": value for name, value in config.items()}
    return policy


def make_policy(
    spec: AnySpec, arrays: Arrays, backend: str = "numpy", device: str = "auto"
) -> Policy[AnySpec]:
    """Make the policy of a spec and arrays.

    Args:
        spec: The policy's spec.
        arrays: Name -> array, see `PolicyKind.shapes`; arrays not needed are ignored.
        backend: A back end of the policy's kind.
        device: One of `rlctl.core.device.DEVICES`.

    Raises:
        Incompatible: An array is missing or has another shape or dtype than the spec says.
        UsageError: No such back end or device.
        DeviceUnavailable: The back end is not installed, or has no such device here.
    """
    backends = kind_of(spec).backends
    if backend not in backends:
        raise UsageError(f"there is no back end {backend!r}; there are {', '.join(backends)}")
    device = checked_name(device)
    check_arrays(spec, arrays)
    module, _, name = backends[backend].partition(":")
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
    """Sample the noise of n actions, (n, spec.noise_size) float32."""
    return kind_of(spec).sample_noise(spec, rng, n)


def stage_names(spec: PolicySpec) -> list[str]:
    """Return the names of the intermediate results of an action, in order."""
    return kind_of(spec).stage_names(spec)


def action_bounds(spec: PolicySpec) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return low and high (A,) float32, 0 where unbounded, and a mask (A,) of bounded components.

    A component is bounded only if it has both bounds.
    """
    pairs = list(zip(spec.action_low, spec.action_high, strict=True))
    bounded = np.array([None not in pair for pair in pairs])
    low, high = np.array([(0, 0) if None in pair else pair for pair in pairs], np.float32).T
    return low, high, bounded


def check_arrays(spec: PolicySpec, arrays: Arrays) -> None:
    """Check that this version supports the spec and that the arrays fit it.

    Raises:
        Incompatible: One of them does not.
    """
    kind = kind_of(spec)
    kind.check(spec)
    shapes = kind.shapes(spec)
    for name, shape in shapes.items():
        array = arrays.get(name)
        if array is None or array.shape != shape or array.dtype != np.float32:
            given = "is missing" if array is None else f"is {array.dtype}{list(array.shape)}"
            raise Incompatible(f"{name} {given}; the policy's spec needs float32{list(shape)}")
    layers = {name for name in arrays if name.startswith("policy/")}
    if extra := sorted(layers - set(shapes)):
        raise Incompatible(f"array {extra[0]} belongs to no layer of the policy's spec")
