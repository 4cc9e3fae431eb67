"""Group of Gymnasium environments, stepped one after the other in one process.

Shapes: n environments of a group, O observation, A action.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rlctl.core.errors import Diverged, PackageMissing, RendererMissing
from rlctl.families.gymnasium.environment import MISSING, GymnasiumEnvironment
from rlctl.families.gymnasium.errors import describe_error, is_stop, missing_packages
from rlctl.families.gymnasium.frame import to_rgb
from rlctl.rollouts.base import Arrays


class Fault(NamedTuple):
    """Non-finite value: its quantity, `observation` or `reward`, and a description."""

    quantity: str
    value: str


class GroupStep(NamedTuple):
    """Result of a step of a group; see rollouts.base.Step.

    Attributes:
        observation: (n, O) float32.
        reward: (n,) float32, 0 where not finite.
        terminated: (n,) bool.
        truncated: (n,) bool.
        final_observation: (n, O) float32; where not finite, that of the step before.
        terms: Name -> (n,) float32, 0 where the step's info has no such term.
        faults: Index in the group -> non-finite value.
    """

    observation: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    final_observation: np.ndarray
    terms: Arrays
    faults: dict[int, Fault]


def concatenate_steps(steps: Sequence[GroupStep]) -> GroupStep:
    """Concatenate the steps of several groups."""
    faults, first = {}, 0
    for step in steps:
        faults |= {first + row: fault for row, fault in step.faults.items()}
        first += len(step.reward)
    terms = {
        name: np.concatenate([s.terms.get(name, np.zeros_like(s.reward)) for s in steps])
        for name in dict.fromkeys(name for step in steps for name in step.terms)
    }
    observation, reward, terminated, truncated, final = map(
        np.concatenate, zip(*(step[:5] for step in steps), strict=True)
    )
    return GroupStep(observation, reward, terminated, truncated, final, terms, faults)


class GymGroup:
    """Environments of this process, with auto-reset.

    Args:
        env: The environment.
        num: n.
        limit: Time limit in steps, besides the environment's own.
        render_mode: None, or `rgb_array` for `render` to work.
    """

    def __init__(
        self, env: GymnasiumEnvironment, num: int, limit: int, render_mode: str | None = None
    ) -> None:
        self._env, self._limit = env, limit
        self._envs = [env.make(render_mode) for _ in range(num)]
        self._clock = np.zeros(num, np.int64)
        self._last = np.zeros((num, env.spec.observation_size), np.float32)
        self._steps = 0
        self._failed = False

    def reset(self, seeds: list[int]) -> np.ndarray:
        """Start new episodes with these seeds (n); return observation (n, O).

        Raises:
            Diverged: An environment raised.
        """
        try:
            pairs = zip(self._envs, seeds, strict=True)
            self._last = np.stack([self._env.reset(one, seed) for one, seed in pairs])
        except BaseException as problem:
            raise self._failure("its reset", problem) from problem
        self._clock[:] = self._steps = 0
        return self._last

    def stagger(self, clock: np.ndarray) -> None:
        """Set the clocks (n,) that count towards the time limit, in steps."""
        self._clock[:] = clock

    def step(self, action: np.ndarray) -> GroupStep:
        """Take one step with actions (n, A).

        Raises:
            Diverged: An environment raised.
        """
        self._steps += 1
        try:
            pairs = zip(self._envs, self._env.convert_actions(action), strict=True)
            results = [self._env.step(one, act) for one, act in pairs]
        except BaseException as problem:  # foreign code: it may raise anything
            raise self._failure(f"step {self._steps}", problem) from problem
        final, rewards, terminated, truncated = map(
            np.array, zip(*(r[:4] for r in results), strict=True)
        )
        with np.errstate(over="ignore"):  # inf is reported below
            reward = rewards.astype(np.float32)
        faults = self._find_faults(final, reward)
        terms = _columns([{} if i in faults else r.terms for i, r in enumerate(results)])
        bad = np.zeros(len(results), bool)
        bad[list(faults)] = True
        final[bad], reward[bad] = self._last[bad], 0.0
        step = self._auto_reset(final, reward, terminated, truncated, bad)
        return step._replace(terms=terms, faults=faults)

    def render(self) -> np.ndarray:
        """Render the first environment: (height, width, 3) uint8.

        Raises:
            PackageMissing: A package for rendering is not installed.
            RendererMissing: The environment cannot be rendered.
        """
        name = self._env.spec.id
        try:
            frame = self._envs[0].render()
        except MISSING as problem:
            message = f"{name} needs a package for rendering: {describe_error(problem)}"
            raise PackageMissing(message, *missing_packages(problem)) from problem
        except BaseException as problem:
            if is_stop(problem):
                raise
            raise RendererMissing(
                f"{name} cannot be rendered after step {self._steps}: {describe_error(problem)}",
                "the environment's documentation says what rendering needs",
            ) from problem
        try:
            return to_rgb(frame)
        except ValueError as problem:
            raise RendererMissing(
                f"{name} returns no image in render mode rgb_array: {problem}",
                "make its render return (height, width, 3) uint8, or wrap it",
            ) from problem

    def close(self) -> None:
        """Close the environments.

        Raises:
            Diverged: One raised, and none has failed before.
        """
        first: Diverged | None = None
        for one in self._envs:
            try:
                one.close()
            except BaseException as problem:
                reported = self._failed  # an earlier failure matters more than a failing close
                failure = self._failure("its close", problem)
                first = first or (None if reported else failure)
        self._envs = []
        if first is not None:
            raise first

    def _find_faults(self, observation: np.ndarray, reward: np.ndarray) -> dict[int, Fault]:
        """Find non-finite values in observations (n, O) and rewards (n,)."""
        finite = np.isfinite(observation)
        bad = ~finite.all(axis=1)
        faults = {
            int(row): Fault("reward", _describe_value("it", reward[row]))
            for row in np.flatnonzero(~np.isfinite(reward))
        }
        for row in np.flatnonzero(bad):
            column = int(np.argmin(finite[row]))
            name = self._env.spec.observation_name(column)
            faults[int(row)] = Fault("observation", _describe_value(name, observation[row, column]))
        return dict(sorted(faults.items()))

    def _auto_reset(
        self,
        final: np.ndarray,
        reward: np.ndarray,
        terminated: np.ndarray,
        truncated: np.ndarray,
        bad: np.ndarray,
    ) -> GroupStep:
        """Truncate at the time limit and where `bad` (n,), and reset ended episodes."""
        self._clock += 1
        over = (self._clock >= self._limit) | bad
        terminated = terminated & ~bad
        truncated = (truncated | over) & ~terminated
        now, ended = final.copy(), terminated | truncated
        try:
            for row in np.flatnonzero(ended):
                # Without a seed: the environment's own generator continues.
                now[row] = self._env.reset(self._envs[row])
        except BaseException as problem:
            raise self._failure(f"the reset after step {self._steps}", problem) from problem
        self._clock[ended] = 0
        self._last = now
        return GroupStep(now, reward, terminated, truncated, final, {}, {})

    def _failure(self, when: str, problem: BaseException) -> Diverged:
        """Return the error for an exception that an environment raised.

        Raises:
            BaseException: The exception itself, if it means that the user stops rlctl.
        """
        if is_stop(problem):
            raise problem
        self._failed = True
        return Diverged(
            f"{self._env.spec.id} failed in {when}: {describe_error(problem)}",
            "check the environment's code",
            data={"quantity": type(problem).__name__, "step": self._steps},
        )


def _columns(rows: list[dict[str, float]]) -> Arrays:
    """Convert terms of n environments to name -> (n,) float32, 0 where one is absent."""
    columns: Arrays = {}
    for row, terms in enumerate(rows):
        for name, value in terms.items():
            if name not in columns:
                columns[name] = np.zeros(len(rows), np.float32)
            columns[name][row] = value
    return columns


def _describe_value(name: str, value: float) -> str:
    """Describe a non-finite value."""
    return f"{name} is {value}" + (", as float32 ends at 3.4e38" if np.isinf(value) else "")
