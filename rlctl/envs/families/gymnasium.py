"""Gymnasium's environments: `gym:ID`, or `gym:MODULE:ID` where importing MODULE registers ID.

Which spaces they may have is said in gymnasium_spaces.py.
"""

import difflib
import inspect
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import gymnasium
import numpy as np
from gymnasium import error, spaces
from gymnasium.envs.registration import EnvSpec as Registered
from gymnasium.envs.registration import load_env_creator
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from rlctl.core.errors import (
    DeviceUnavailable,
    RendererMissing,
    RlctlError,
    UsageError,
    pip_install,
)
from rlctl.core.specs import EnvSpec, ObservationPart
from rlctl.envs.families.gymnasium_config import TIME_LIMIT, GymnasiumConfig
from rlctl.envs.families.gymnasium_spaces import action_parts, leaves

PROBE_STEPS = 20
MISSING = (error.DependencyNotInstalled, ImportError)  # what a package that is not here raises
DEFAULT_DT = 1 / 30  # s, where neither the physics nor a frame rate tells


def names(asked: str = "") -> tuple[str, ...]:
    """The environments that are registered, those of the module in `asked` ("MODULE:ID") as well.

    Raises:
        UsageError: The module cannot be imported.
    """
    module, colon, _ = asked.rpartition(":")
    if module:
        try:
            import_module(module)
        except Exception as problem:  # a module of the user's, which may raise anything
            raise UsageError(
                f"gym:{asked}: cannot import {module}: {words(problem)}",
                "gym:MODULE:ID imports MODULE, which is to register ID",
            ) from problem
    found = (row for row in gymnasium.registry.values() if not _removed(row))
    return tuple(sorted(f"{module}{colon}{row.id}" for row in found))


class Vector(SyncVectorEnv):
    """Environments stepped one after the other, reset in the step that ends their episode.

    Of the infos it keeps what is needed: gathering all of them costs a tenth of Hopper's speed.

    Attributes:
        finals: Environment -> its final observation (O,), of those whose episode the step ended.
        terms: (n, K) float32, the terms of the step.
    """

    def __init__(self, env: "GymnasiumEnvironment", makers: list[Any]) -> None:
        self._env = env
        self.finals: dict[int, np.ndarray] = {}
        self.terms = np.zeros((len(makers), len(env.spec.terms)), np.float32)
        super().__init__(makers, copy=False, autoreset_mode=AutoresetMode.SAME_STEP)

    def step(self, actions: np.ndarray) -> Any:
        """One step of all."""
        self.finals = {}
        return super().step(actions)

    def _add_info(self, vector_infos: dict, env_info: dict, env_num: int) -> dict:
        """Called with every info, and with final observations before the reset after them."""
        if "final_obs" in env_info:
            self.finals[env_num] = self._env.flatten_one(env_info["final_obs"])
            env_info = env_info["final_info"]
        for column, name in enumerate(self._env.spec.terms):
            if name in env_info:
                self.terms[env_num, column] = env_info[name]
        return vector_infos


class GymnasiumEnvironment:
    """One of Gymnasium's environments: its spec, vectors of it, and the form of its arrays.

    Args:
        name: "ID" or "MODULE:ID".
        config: Keyword arguments of `gymnasium.make`.

    Attributes:
        spec: What it observes and accepts.
        step_seconds: About how long one step takes.

    Raises:
        UsageError: Its spaces are not supported, or it does not take these arguments.
        DeviceUnavailable: A package that it needs is not installed.
    """

    def __init__(self, name: str, config: GymnasiumConfig) -> None:
        names(name)
        self._name = f"gym:{name}"
        self._registered = gymnasium.registry[name.rpartition(":")[2]]
        self._options = dict(config.values)
        with self._making():
            one = self._make()
        self._leaves = leaves(one.observation_space, self._name)
        self._actions = one.action_space
        self._modes = tuple(map(str, one.metadata.get("render_modes", ())))
        self._limit = one.spec.max_episode_steps if one.spec else None
        self.step_seconds, terms = _probe(one)
        self.spec = EnvSpec(
            id=self._name,
            observation=tuple(
                ObservationPart("/".join(path) or "observation", int(np.prod(space.shape)))
                for path, space in self._leaves
            ),
            action=action_parts(one.action_space, self._name),
            control_dt=_control_dt(one),
            substeps=int(getattr(one.unwrapped, "frame_skip", 1)),
            episode_length=self._limit or TIME_LIMIT,
            terms=terms,
        )
        one.close()

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

    def vector(self, num: int, render_mode: str | None = None) -> Vector:
        """A vector of `num` environments.

        Raises:
            RendererMissing: They do not draw in that mode.
        """
        with self._making():
            if render_mode and render_mode not in self._modes:
                raise RendererMissing(
                    f"{self._name} does not draw pictures; its render modes are "
                    f"{', '.join(self._modes) or 'none'}"
                )
            return Vector(self, [lambda: self._make(render_mode)] * num)

    def flatten(self, observation: Any, num: int) -> np.ndarray:
        """Observations of a vector of `num` environments as (num, O) float32, a new array."""
        return np.concatenate(
            [_at(observation, path).reshape(num, -1) for path, _ in self._leaves],
            axis=1,
            dtype=np.float32,
            casting="unsafe",
        )

    def flatten_one(self, observation: Any) -> np.ndarray:
        """One environment's observation as (O,) float32, a new array."""
        parts = [np.asarray(_at(observation, path)).reshape(-1) for path, _ in self._leaves]
        return np.concatenate(parts, dtype=np.float32, casting="unsafe")

    def accept(self, action: np.ndarray) -> np.ndarray:
        """Actions (n, A) float32 as a vector of the environments takes them."""
        space = self._actions
        if isinstance(space, spaces.Discrete):
            return np.rint(action[:, 0]).astype(space.dtype)
        shaped = action.reshape(-1, *space.shape).astype(space.dtype)
        return np.clip(shaped, space.low, space.high)

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
            raise DeviceUnavailable(
                f"{self._name} needs a package that is not installed: {words(problem)}",
                pip_line(problem),
            ) from problem
        except Exception as problem:  # an environment's constructor may raise anything
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


def _control_dt(env: gymnasium.Env) -> float:
    """Seconds between two actions: the physics' own, else those of a frame, else a guess."""
    dt = getattr(env.unwrapped, "dt", None)
    if isinstance(dt, int | float | np.floating) and dt > 0:
        return float(dt)
    fps = env.metadata.get("render_fps")
    return 1 / fps if fps else DEFAULT_DT


def _probe(env: gymnasium.Env) -> tuple[float, tuple[str, ...]]:
    """Seconds of a step, and the scalars of its info that are terms of the reward.

    An environment that fails says so when it is used.
    """
    env.action_space.seed(0)
    try:
        env.reset(seed=0)
        start = time.perf_counter()
        for _ in range(PROBE_STEPS):
            _, _, terminated, truncated, info = env.step(env.action_space.sample())
            if terminated or truncated:
                env.reset()
        seconds = (time.perf_counter() - start) / PROBE_STEPS
    except Exception:
        return 0.0, ()
    scalar = (int, float, np.floating, np.integer)
    terms = (key for key, x in info.items() if key.startswith("reward") and isinstance(x, scalar))
    return seconds, tuple(sorted(terms))


def _at(observation: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        observation = observation[key]
    return observation


def pip_line(problem: Exception) -> str:
    """The `pip install` that an error names, its last one, or one for the module it misses."""
    named = re.findall(r"pip install ([^`\n]+)", str(problem))
    missing = getattr(problem, "name", None)
    words = re.sub("['\"]", "", named[-1]).split() if named else [missing] if missing else []
    return pip_install(*words) if words else ""


def words(problem: Exception) -> str:
    """An error of other people's code in one line."""
    return f"{type(problem).__name__}: {problem}".strip().splitlines()[0]
