"""Gymnasium environments: `gym:ID`, or `gym:MODULE:ID` if importing MODULE registers ID.

spaces.py converts spaces, metadata.py reads time step, render modes and infos.
"""

import difflib
import inspect
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import error
from gymnasium.envs.registration import EnvSpec as Registered
from gymnasium.envs.registration import load_env_creator

from rlctl.core.capabilities import Capabilities
from rlctl.core.errors import (
    PackageMissing,
    RendererMissing,
    RlctlError,
    UsageError,
)
from rlctl.core.spawned import exit_if_spawning
from rlctl.core.specs import EnvSpec, ObservationPart
from rlctl.families.gymnasium import metadata
from rlctl.families.gymnasium.config import TIME_LIMIT, GymnasiumConfig
from rlctl.families.gymnasium.errors import describe_error, is_stop, missing_packages
from rlctl.families.gymnasium.spaces import (
    action_parts,
    box_leaves,
    convert_actions,
    flatten,
    part_name,
)

if TYPE_CHECKING:
    from rlctl.families.gymnasium.driver import GymDriver

TIMED_STEPS = 20  # to estimate the duration of a step

MISSING = (error.DependencyNotInstalled, ImportError)  # raised for a package that is not installed


def names(asked: str = "") -> tuple[str, ...]:
    """Return the registered environments, with those of the module in `asked` ("MODULE:ID").

    Raises:
        UsageError: The module cannot be imported.
    """
    # Environments may run in spawned processes, which import the user's main script again: without
    # an `if __name__ == "__main__":` guard it would start rlctl in each of them.
    exit_if_spawning()
    _import(asked)
    module, colon, _ = asked.rpartition(":")
    found = (row for row in gymnasium.registry.values() if not _is_removed(row))
    return tuple(sorted(f"{module}{colon}{row.id}" for row in found))


class EnvStep(NamedTuple):
    """Result of a step of one environment.

    Attributes:
        observation: (O,) float32.
        reward: The reward.
        terminated: Whether the environment ended the episode.
        truncated: Whether its time limit ended it.
        terms: Reward terms in its info.
    """

    observation: np.ndarray
    reward: float
    terminated: bool
    truncated: bool
    terms: dict[str, float]


class GymnasiumEnvironment:
    """Gymnasium environment: its spec, how to make it, and conversion of its arrays.

    Args:
        name: "ID" or "MODULE:ID".
        config: Keyword arguments of `gymnasium.make`.

    Attributes:
        spec: Observation and action spaces, and timing.
        step_seconds: Approximate duration of a step.

    Raises:
        UsageError: Its spaces are not supported, or it does not take these arguments.
        PackageMissing: A package that it needs is not installed.
    """

    capabilities = Capabilities("vector", resumable=False, renders_itself=True)

    def __init__(self, name: str, config: GymnasiumConfig) -> None:
        names(name)
        self._name = f"gym:{name}"
        self._registered = gymnasium.registry[name.rpartition(":")[2]]
        self._options = dict(config.values)
        with self._creation_errors():
            env = self._make()
            self._read_spec(env)
            _close(env)

    def _read_spec(self, env: gymnasium.Env) -> None:
        """Read spaces, timing and reward terms from an instance."""
        self._leaves = box_leaves(env.observation_space, self._name)
        self._actions = env.action_space
        self._modes = metadata.render_modes(env)
        self._limit = env.spec.max_episode_steps if env.spec else None
        action = action_parts(env.action_space, self._name)
        self.step_seconds, terms = _run_briefly(env)
        self.spec = EnvSpec(
            id=self._name,
            observation=tuple(
                ObservationPart(part_name(path), space.low.size) for path, space in self._leaves
            ),
            action=action,
            control_dt=metadata.control_dt(env),
            substeps=metadata.substeps(env),
            episode_length=self._limit or TIME_LIMIT,
            terms=terms,
        )

    def time_limit(self, asked: int) -> int:
        """Return the time limit in control steps; `asked` 0 means the environment's own.

        Raises:
            UsageError: The environment's own limit is shorter than the one asked for.
        """
        if self._limit and asked > self._limit:
            raise UsageError(
                f"{self._name} ends its episodes after {self._limit} steps; "
                f"a limit of {asked} comes too late",
                f"ask for {self._limit} or fewer; training with "
                f"--set env.max_episode_steps={asked} raises the environment's own limit",
            )
        return asked or self.spec.episode_length

    def make_driver(
        self,
        limit: int,
        num_envs: int,
        on_nonfinite: str = "stop",
        first: int = 0,
        render_mode: str | None = None,
    ) -> "GymDriver":
        """Make the driver of N of these environments; see `GymDriver`."""
        from rlctl.families.gymnasium.driver import GymDriver

        return GymDriver(self, limit, num_envs, on_nonfinite, first, render_mode)

    def make(self, render_mode: str | None = None) -> gymnasium.Env:
        """Make one environment in this process.

        Raises:
            RendererMissing: It does not support the render mode.
            UsageError: Its constructor failed.
            PackageMissing: A package that it needs is not installed.
        """
        if render_mode and render_mode not in self._modes:
            raise RendererMissing(
                f"{self._name} cannot render images; its render modes are "
                f"{', '.join(self._modes) or 'none'}"
            )
        _import(self._name.removeprefix("gym:"))  # the constructor may need its others
        with self._creation_errors():
            return self._make(render_mode)

    def reset(self, env: gymnasium.Env, seed: int | None = None) -> np.ndarray:
        """Start an episode; return observation (O,) float32.

        Raises:
            Exception: Anything the environment raises; ValueError if its result is malformed.
        """
        result = env.reset() if seed is None else env.reset(seed=seed)
        if not isinstance(result, tuple) or len(result) != 2:
            raise ValueError(f"reset gave {_shape(result)}, not (observation, info)")
        return flatten(self._leaves, result[0])

    def step(self, env: gymnasium.Env, action: Any) -> EnvStep:
        """Take a step with an action from `convert_actions`.

        Raises:
            Exception: Anything the environment raises; ValueError if its result is malformed.
        """
        result = env.step(action)
        if not isinstance(result, tuple) or len(result) != 5:
            form = "(observation, reward, terminated, truncated, info)"
            raise ValueError(f"step gave {_shape(result)}, not {form}")
        observation, reward, terminated, truncated, info = result
        return EnvStep(
            flatten(self._leaves, observation),
            float(_single(reward, "reward")),
            bool(_single(terminated, "terminated")),
            bool(_single(truncated, "truncated")),
            metadata.reward_terms(info),
        )

    def convert_actions(self, actions: np.ndarray) -> list[Any]:
        """Convert actions (n, A) float32 to the actions of n environments."""
        return convert_actions(self._actions, actions)

    def _make(self, render_mode: str | None = None) -> gymnasium.Env:
        mode: dict[str, Any] = {} if render_mode is None else {"render_mode": render_mode}
        options = mode | self._options
        return gymnasium.make(self._registered, disable_env_checker=True, **options)

    @contextmanager
    def _creation_errors(self) -> Iterator[None]:
        """Convert exceptions of the environment's constructor to rlctl's errors."""
        try:
            yield
        except RlctlError:
            raise
        except MISSING as problem:
            raise PackageMissing(
                f"{self._name} needs a package that is not installed: {describe_error(problem)}",
                *missing_packages(problem),
            ) from problem
        except BaseException as problem:  # foreign code: it may raise anything
            if is_stop(problem):
                raise
            unknown = [key for key in self._options if key not in self._parameters()]
            if isinstance(problem, TypeError) and unknown and self._parameters():
                raise self._unknown_option(unknown[0]) from problem
            options = ", ".join(f"{key}={value!r}" for key, value in self._options.items())
            given = f" with {options}" if options else ""
            raise UsageError(
                f"{self._name} cannot be made{given}: {describe_error(problem)}",
                "see its documentation for the values of --set env.*",
            ) from problem

    def _parameters(self) -> list[str]:
        """Return the names of the constructor's keyword arguments."""
        creator = self._registered.entry_point
        if creator is None:
            return []
        creator = creator if callable(creator) else load_env_creator(creator)
        return [
            name
            for name, parameter in inspect.signature(creator).parameters.items()
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        ]

    def _unknown_option(self, key: str) -> UsageError:
        known = [name for name in self._parameters() if name not in GymnasiumConfig.refused]
        known.append("max_episode_steps")
        close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        return UsageError(
            f"{self._name} takes no {key!r}; it takes {', '.join(known)}",
            f"did you mean env.{close[0]}?" if close else "",
        )


make = GymnasiumEnvironment


def _is_removed(row: Registered) -> bool:
    """Return whether an environment is only registered to recommend its successor."""
    return row.entry_point is None or (
        callable(row.entry_point) and row.entry_point.__module__ == "gymnasium.envs"
    )


def _import(asked: str) -> None:
    """Import the module of "MODULE:ID", if there is one.

    Raises:
        UsageError: It cannot be imported.
    """
    module = asked.rpartition(":")[0]
    if not module:
        return
    try:
        import_module(module)
    except BaseException as problem:  # the user's code: it may raise anything
        if is_stop(problem):
            raise
        raise UsageError(
            f"gym:{asked}: cannot import {module}: {describe_error(problem)}",
            "gym:MODULE:ID imports MODULE, which must register ID",
        ) from problem


def _run_briefly(env: gymnasium.Env) -> tuple[float, tuple[str, ...]]:
    """Take a few random steps: return seconds per step, and the names of the reward terms.

    Failures are ignored here and reported when the environment is used. Terms that appear later
    are reported too.
    """
    terms: set[str] = set()
    try:
        env.action_space.seed(0)
        env.reset(seed=0)
        start = time.perf_counter()
        for _ in range(TIMED_STEPS):
            _, _, terminated, truncated, info = env.step(env.action_space.sample())
            terms.update(metadata.reward_terms(info))
            if terminated or truncated:
                env.reset()
        seconds = (time.perf_counter() - start) / TIMED_STEPS
    except BaseException as problem:
        if is_stop(problem):
            raise
        return 0.0, tuple(sorted(terms))
    return seconds, tuple(sorted(terms))


def _close(env: gymnasium.Env) -> None:
    """Close an environment and ignore failures: it was made only to read its spec."""
    try:
        env.close()
    except BaseException as problem:
        if is_stop(problem):
            raise


def _single(value: Any, name: str) -> float:
    """Return a number that an environment gave, as it is or in an array of one element.

    Raises:
        ValueError: The value is something else.
    """
    if isinstance(value, bool | int | float):
        return value
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "biuf":
        raise ValueError(f"its {name} is {_shape(value)}, not one number")
    return float(array.item())


def _shape(value: Any) -> str:
    """Describe a value for a message."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return repr(value)[:40]
