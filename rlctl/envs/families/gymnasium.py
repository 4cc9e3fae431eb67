"""Gymnasium's environments: `gym:ID`, or `gym:MODULE:ID` where importing MODULE registers ID.

Which spaces they may have is said in gymnasium_spaces.py, what they tell of themselves besides in
gymnasium_told.py.
"""

import difflib
import inspect
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import error
from gymnasium.envs.registration import EnvSpec as Registered
from gymnasium.envs.registration import load_env_creator

from rlctl.core.errors import (
    PackageMissing,
    RendererMissing,
    RlctlError,
    UsageError,
)
from rlctl.core.spawned import exit_if_spawning
from rlctl.core.specs import EnvSpec, ObservationPart
from rlctl.envs.families import gymnasium_metadata as told
from rlctl.envs.families.gymnasium_config import TIME_LIMIT, GymnasiumConfig
from rlctl.envs.families.gymnasium_errors import is_stop, missing_packages, words
from rlctl.envs.families.gymnasium_spaces import accept, action_parts, flatten, leaves, part_name

PROBE_STEPS = 20

MISSING = (error.DependencyNotInstalled, ImportError)  # what a package that is not here raises


def names(asked: str = "") -> tuple[str, ...]:
    """The environments that are registered, those of the module in `asked` ("MODULE:ID") as well.

    Raises:
        UsageError: The module cannot be imported.
    """
    exit_if_spawning()  # such environments may have processes of their own
    _import(asked)
    module, colon, _ = asked.rpartition(":")
    found = (row for row in gymnasium.registry.values() if not _removed(row))
    return tuple(sorted(f"{module}{colon}{row.id}" for row in found))


class Reply(NamedTuple):
    """What one environment answers to an action.

    Attributes:
        observation: (O,) float32.
        reward: A number.
        terminated: Whether the environment ended the episode.
        truncated: Whether its time limit did.
        terms: The terms of the reward that its info has.
    """

    observation: np.ndarray
    reward: float
    terminated: bool
    truncated: bool
    terms: dict[str, float]


class GymnasiumEnvironment:
    """One of Gymnasium's environments: its spec, how to make it, and the form of its arrays.

    Args:
        name: "ID" or "MODULE:ID".
        config: Keyword arguments of `gymnasium.make`.

    Attributes:
        spec: What it observes and accepts.
        step_seconds: About how long one step takes.

    Raises:
        UsageError: Its spaces are not supported, or it does not take these arguments.
        PackageMissing: A package that it needs is not installed.
    """

    def __init__(self, name: str, config: GymnasiumConfig) -> None:
        names(name)
        self._name = f"gym:{name}"
        self._registered = gymnasium.registry[name.rpartition(":")[2]]
        self._options = dict(config.values)
        with self._making():
            one = self._make()
            self._describe(one)
            _close(one)

    def _describe(self, one: gymnasium.Env) -> None:
        """Keep what one of them tells of itself."""
        self._leaves = leaves(one.observation_space, self._name)
        self._actions = one.action_space
        self._modes = told.render_modes(one)
        self._limit = one.spec.max_episode_steps if one.spec else None
        action = action_parts(one.action_space, self._name)
        self.step_seconds, terms = _probe(one)
        self.spec = EnvSpec(
            id=self._name,
            observation=tuple(
                ObservationPart(part_name(path), space.low.size) for path, space in self._leaves
            ),
            action=action,
            control_dt=told.control_dt(one),
            substeps=told.substeps(one),
            episode_length=self._limit or TIME_LIMIT,
            terms=terms,
        )

    def time_limit(self, asked: int) -> int:
        """Control steps after which an episode is truncated; `asked` 0 is for its own limit.

        Raises:
            UsageError: It ends its episodes earlier than asked.
        """
        if self._limit and asked > self._limit:
            raise UsageError(
                f"{self._name} ends its episodes after {self._limit} steps; "
                f"a limit of {asked} comes too late",
                f"ask for {self._limit} or fewer; training with "
                f"--set env.max_episode_steps={asked} makes the environment's own limit longer",
            )
        return asked or self.spec.episode_length

    def make(self, render_mode: str | None = None) -> gymnasium.Env:
        """One environment, in whichever process this is.

        Raises:
            RendererMissing: It does not draw in that mode.
            UsageError: Its constructor failed.
            PackageMissing: A package that it needs is not installed.
        """
        if render_mode and render_mode not in self._modes:
            raise RendererMissing(
                f"{self._name} does not draw pictures; its render modes are "
                f"{', '.join(self._modes) or 'none'}"
            )
        _import(self._name.removeprefix("gym:"))  # its constructor may make others of the module
        with self._making():
            return self._make(render_mode)

    def reset(self, one: gymnasium.Env, seed: int | None = None) -> np.ndarray:
        """Start an episode of one of them: its observation (O,) float32.

        Raises:
            Exception: Whatever the environment raises; ValueError if its answer has another form.
        """
        answer = one.reset() if seed is None else one.reset(seed=seed)
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise ValueError(f"reset gave {_shape(answer)}, not (observation, info)")
        return flatten(self._leaves, answer[0])

    def step(self, one: gymnasium.Env, action: Any) -> Reply:
        """Have one of them take a step with an action of `accept`.

        Raises:
            Exception: Whatever the environment raises; ValueError if its answer has another form.
        """
        answer = one.step(action)
        if not isinstance(answer, tuple) or len(answer) != 5:
            form = "(observation, reward, terminated, truncated, info)"
            raise ValueError(f"step gave {_shape(answer)}, not {form}")
        observation, reward, terminated, truncated, info = answer
        return Reply(
            flatten(self._leaves, observation),
            float(_single(reward, "reward")),
            bool(_single(terminated, "terminated")),
            bool(_single(truncated, "truncated")),
            told.terms(info),
        )

    def accept(self, actions: np.ndarray) -> list[Any]:
        """Actions (n, A) float32 as n environments take them, one each."""
        return accept(self._actions, actions)

    def _make(self, render_mode: str | None = None) -> gymnasium.Env:
        mode = {} if render_mode is None else {"render_mode": render_mode}
        options = mode | self._options
        return gymnasium.make(self._registered, disable_env_checker=True, **options)

    @contextmanager
    def _making(self) -> Iterator[None]:
        """Say what is wrong when the environment cannot be made."""
        try:
            yield
        except RlctlError:
            raise
        except MISSING as problem:
            raise PackageMissing(
                f"{self._name} needs a package that is not installed: {words(problem)}",
                *missing_packages(problem),
            ) from problem
        except BaseException as problem:  # an environment's constructor may raise anything
            if is_stop(problem):
                raise
            unknown = [key for key in self._options if key not in self._known()]
            if isinstance(problem, TypeError) and unknown and self._known():
                raise self._unknown(unknown[0]) from problem
            given = ", ".join(f"{key}={value!r}" for key, value in self._options.items())
            raise UsageError(
                f"{self._name} cannot be made{f' with {given}' if given else ''}: {words(problem)}",
                "its own documentation says what --set env.* may be",
            ) from problem

    def _known(self) -> list[str]:
        """The keyword arguments that its constructor names."""
        creator = self._registered.entry_point
        creator = creator if callable(creator) else load_env_creator(creator)
        return [
            name
            for name, parameter in inspect.signature(creator).parameters.items()
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        ]

    def _unknown(self, key: str) -> UsageError:
        known = [name for name in self._known() if name not in GymnasiumConfig.refused]
        known.append("max_episode_steps")
        close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        return UsageError(
            f"{self._name} takes no {key!r}; it takes {', '.join(known)}",
            f"did you mean env.{close[0]}?" if close else "",
        )


make = GymnasiumEnvironment


def _removed(row: Registered) -> bool:
    """Whether all that is left of an environment is the advice to use another."""
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
    except BaseException as problem:  # a module of the user's, which may raise anything
        if is_stop(problem):
            raise
        raise UsageError(
            f"gym:{asked}: cannot import {module}: {words(problem)}",
            "gym:MODULE:ID imports MODULE, which is to register ID",
        ) from problem


def _probe(env: gymnasium.Env) -> tuple[float, tuple[str, ...]]:
    """Seconds of a step, and the names of the terms that its infos have.

    An environment that fails says so when it is used; a term that comes later is reported too.
    """
    found: set[str] = set()
    try:
        env.action_space.seed(0)
        env.reset(seed=0)
        start = time.perf_counter()
        for _ in range(PROBE_STEPS):
            _, _, terminated, truncated, info = env.step(env.action_space.sample())
            found.update(told.terms(info))
            if terminated or truncated:
                env.reset()
        seconds = (time.perf_counter() - start) / PROBE_STEPS
    except BaseException as problem:
        if is_stop(problem):
            raise
        return 0.0, tuple(sorted(found))
    return seconds, tuple(sorted(found))


def _close(env: gymnasium.Env) -> None:
    """Close what was only looked at."""
    try:
        env.close()
    except BaseException as problem:
        if is_stop(problem):
            raise


def _single(value: Any, name: str) -> float:
    """The number that an environment gives, alone or in an array of one.

    Raises:
        ValueError: It is something else.
    """
    if isinstance(value, bool | int | float):
        return value
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "biuf":
        raise ValueError(f"its {name} is {_shape(value)}, not one number")
    return float(array.item())


def _shape(value: Any) -> str:
    """What a value is, for a message."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return repr(value)[:40]
