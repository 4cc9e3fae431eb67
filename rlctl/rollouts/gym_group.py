"""Some of a driver's Gymnasium environments, stepped one after the other.

Shapes: n environments of a group, O observation, A action.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rlctl.core.errors import Diverged, PackageMissing, RendererMissing
from rlctl.envs.families.gymnasium import MISSING, GymnasiumEnvironment
from rlctl.envs.families.gymnasium_errors import is_stop, missing_packages, words
from rlctl.rollouts.base import Arrays
from rlctl.rollouts.gym_frame import as_picture


class Fault(NamedTuple):
    """What is not finite: the quantity, `observation` or `reward`, and its value in words."""

    quantity: str
    value: str


class GroupStep(NamedTuple):
    """What a step of a group gives; see rollouts.base.Step.

    Attributes:
        observation: (n, O) float32.
        reward: (n,) float32, 0 where at fault.
        terminated: (n,) bool.
        truncated: (n,) bool.
        final_observation: (n, O) float32; where at fault, that of the step before.
        terms: Name -> (n,) float32, 0 where the info of the step has none.
        faults: Environment of the group -> what of it is not finite.
    """

    observation: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    final_observation: np.ndarray
    terms: Arrays
    faults: dict[int, Fault]


def joined(steps: Sequence[GroupStep]) -> GroupStep:
    """The steps of several groups as that of one."""
    terms = dict.fromkeys(name for step in steps for name in step.terms)
    faults, first = {}, 0
    for step in steps:
        faults |= {first + row: fault for row, fault in step.faults.items()}
        first += len(step.reward)
    return GroupStep(
        *map(np.concatenate, zip(*(step[:5] for step in steps), strict=True)),
        {
            name: np.concatenate([s.terms.get(name, np.zeros_like(s.reward)) for s in steps])
            for name in terms
        },
        faults,
    )


class GymGroup:
    """Environments of this process, reset in the step that ends an episode.

    Args:
        env: What they are.
        num: n.
        limit: Steps after which an episode is truncated, if the environment does not do so itself.
        render_mode: None, or `rgb_array` for `picture` to work.
    """

    def __init__(
        self, env: GymnasiumEnvironment, num: int, limit: int, render_mode: str | None = None
    ) -> None:
        self._env, self._limit = env, limit
        self._ones = [env.make(render_mode) for _ in range(num)]
        self._clock = np.zeros(num, np.int64)
        self._last = np.zeros((num, env.spec.observation_size), np.float32)
        self._steps = 0
        self._failed = False

    def reset(self, seeds: list[int]) -> np.ndarray:
        """Fresh episodes everywhere, of these seeds (n): observation (n, O).

        Raises:
            Diverged: An environment raised.
        """
        try:
            pairs = zip(self._ones, seeds, strict=True)
            self._last = np.stack([self._env.reset(one, seed) for one, seed in pairs])
        except BaseException as problem:
            raise self._failure("its reset", problem) from problem
        self._clock[:] = self._steps = 0
        return self._last

    def stagger(self, clock: np.ndarray) -> None:
        """Count `clock` (n,) steps of the time limit as gone."""
        self._clock[:] = clock

    def step(self, action: np.ndarray) -> GroupStep:
        """One step with actions (n, A).

        Raises:
            Diverged: An environment raised.
        """
        self._steps += 1
        try:
            pairs = zip(self._ones, self._env.accept(action), strict=True)
            replies = [self._env.step(one, act) for one, act in pairs]
        except BaseException as problem:  # environments are of other people and raise anything
            raise self._failure(f"step {self._steps}", problem) from problem
        final, rewards, *ends = map(np.array, zip(*(reply[:4] for reply in replies), strict=True))
        with np.errstate(over="ignore"):
            reward = rewards.astype(np.float32)
        faults = self._faults(final, reward)
        terms = _columns([{} if i in faults else r.terms for i, r in enumerate(replies)])
        wrong = np.zeros(len(replies), bool)
        wrong[list(faults)] = True
        final[wrong], reward[wrong] = self._last[wrong], 0.0
        return self._settle(final, reward, *ends, wrong)._replace(terms=terms, faults=faults)

    def picture(self) -> np.ndarray:
        """What the first environment looks like: (height, width, 3) uint8.

        Raises:
            PackageMissing: A package that draws it is not installed.
            RendererMissing: It cannot be drawn.
        """
        name = self._env.spec.id
        try:
            frame = self._ones[0].render()
        except MISSING as problem:
            need = f"{name} needs a package to be drawn: {words(problem)}"
            raise PackageMissing(need, *missing_packages(problem)) from problem
        except BaseException as problem:
            if is_stop(problem):
                raise
            raise RendererMissing(
                f"{name} cannot be drawn after step {self._steps}: {words(problem)}",
                "the environment's documentation says what drawing needs",
            ) from problem
        try:
            return as_picture(frame)
        except ValueError as problem:
            raise RendererMissing(
                f"{name} gives no pictures in mode rgb_array: {problem}",
                "have its render return (height, width, 3) uint8, or wrap it so that it does",
            ) from problem

    def close(self) -> None:
        """Close the environments.

        Raises:
            Diverged: One raised, and none had failed before.
        """
        first: Diverged | None = None
        for one in self._ones:
            try:
                one.close()
            except BaseException as problem:
                told = self._failed
                failure = self._failure("its close", problem)
                first = first or (None if told else failure)
        self._ones = []
        if first is not None:
            raise first

    def _faults(self, observation: np.ndarray, reward: np.ndarray) -> dict[int, Fault]:
        """What is not finite of observations (n, O) and rewards (n,)."""
        fine = np.isfinite(observation)
        bad = ~fine.all(axis=1)
        faults = {
            int(row): Fault("reward", _value("it", reward[row]))
            for row in np.flatnonzero(~np.isfinite(reward))
        }
        for row in np.flatnonzero(bad):
            column = int(np.argmin(fine[row]))
            name = self._env.spec.observation_name(column)
            faults[int(row)] = Fault("observation", _value(name, observation[row, column]))
        return dict(sorted(faults.items()))

    def _settle(
        self,
        final: np.ndarray,
        reward: np.ndarray,
        terminated: np.ndarray,
        truncated: np.ndarray,
        wrong: np.ndarray,
    ) -> GroupStep:
        """End what is over time or wrong (n,), and begin anew where an episode ended."""
        self._clock += 1
        over = (self._clock >= self._limit) | wrong
        terminated = terminated & ~wrong
        truncated = (truncated | over) & ~terminated
        now, ended = final.copy(), terminated | truncated
        try:
            for row in np.flatnonzero(ended):
                now[row] = self._env.reset(self._ones[row])
        except BaseException as problem:
            raise self._failure(f"the reset after step {self._steps}", problem) from problem
        self._clock[ended] = 0
        self._last = now
        return GroupStep(now, reward, terminated, truncated, final, {}, {})

    def _failure(self, when: str, problem: BaseException) -> Diverged:
        """The error that tells of what an environment raised.

        Raises:
            BaseException: The problem itself, if it is the user stopping rlctl.
        """
        if is_stop(problem):
            raise problem
        self._failed = True
        return Diverged(
            f"{self._env.spec.id} failed in {when}: {words(problem)}",
            "the last checkpoint is intact; the environment's own code is what to look at",
            data={"quantity": type(problem).__name__, "step": self._steps},
        )


def _columns(rows: list[dict[str, float]]) -> Arrays:
    """Terms of n environments as name -> (n,) float32, 0 where one has none."""
    found: Arrays = {}
    for row, terms in enumerate(rows):
        for name, value in terms.items():
            if name not in found:
                found[name] = np.zeros(len(rows), np.float32)
            found[name][row] = value
    return found


def _value(name: str, value: float) -> str:
    """A value that is not finite, in words."""
    return f"{name} is {value}" + (", as float32 ends at 3.4e38" if np.isinf(value) else "")
