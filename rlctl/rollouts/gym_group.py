"""Some of a driver's Gymnasium environments, in this process or in one of their own.

Shapes: n environments of a group, O observation, A action, K terms.
"""

import multiprocessing
import signal
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np

from rlctl.core.errors import DeviceUnavailable, Diverged, RendererMissing, RlctlError
from rlctl.envs.families.gymnasium import MISSING, GymnasiumEnvironment, pip_line, words

FINE, BAD_OBSERVATION, BAD_REWARD = range(3)
BAD_NAMES = ("", "observation", "reward")


class GroupStep(NamedTuple):
    """What a step of a group gives; see rollouts.base.Step.

    Attributes:
        observation: (n, O) float32.
        reward: (n,) float32, 0 where bad.
        terminated: (n,) bool.
        truncated: (n,) bool.
        final_observation: (n, O) float32; where bad, that of the step before.
        terms: (n, K) float32.
        bad: (n,) int, which quantity is not finite.
    """

    observation: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    final_observation: np.ndarray
    terms: np.ndarray
    bad: np.ndarray


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
        self._env, self._num, self._limit = env, num, limit
        self._vector = env.vector(num, render_mode)
        self._clock = np.zeros(num, np.int64)
        self._last = np.zeros((num, env.spec.observation_size), np.float32)
        self._steps = 0

    def reset(self, seeds: list[int]) -> np.ndarray:
        """Fresh episodes everywhere, of these seeds (n): observation (n, O)."""
        try:
            observation, _ = self._vector.reset(seed=seeds)
        except Exception as problem:
            raise self._failure("its reset", problem) from problem
        self._clock[:] = self._steps = 0
        self._last = self._env.flatten(observation, self._num)
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
            return self._settle(*self._vector.step(self._env.accept(action))[:4])
        except Exception as problem:  # environments are of other people and raise anything
            raise self._failure(f"step {self._steps}", problem) from problem

    def picture(self) -> np.ndarray:
        """What the first environment looks like: (height, width, 3) uint8.

        Raises:
            DeviceUnavailable: A package that draws it is not installed.
            RendererMissing: It cannot be drawn.
        """
        try:
            frame = self._vector.envs[0].render()
        except MISSING as problem:
            raise DeviceUnavailable(
                f"{self._env.spec.id} needs a package to be drawn: {words(problem)}",
                pip_line(problem) or "its documentation says what drawing needs",
            ) from problem
        except Exception as problem:
            raise RendererMissing(
                f"{self._env.spec.id} cannot be drawn: {words(problem)}",
                pip_line(problem) or "its documentation says what drawing needs",
            ) from problem
        if not isinstance(frame, np.ndarray) or frame.ndim != 3:
            raise RendererMissing(f"{self._env.spec.id} gives no pictures in mode rgb_array")
        return frame

    def close(self) -> None:
        """Close the environments."""
        self._vector.close()

    def _settle(
        self,
        observation: Any,
        reward: np.ndarray,
        terminated: np.ndarray,
        truncated: np.ndarray,
    ) -> GroupStep:
        """Keep final observations, end what is over time or bad."""
        now = self._env.flatten(observation, self._num)
        final = now.copy()
        for row, last in self._vector.finals.items():
            final[row] = last
        reward = reward.astype(np.float32)
        bad = np.where(np.isfinite(reward), FINE, BAD_REWARD)
        bad[~np.isfinite(final).all(axis=1)] = BAD_OBSERVATION
        wrong = bad != FINE
        final[wrong], reward[wrong] = self._last[wrong], 0.0
        terms = np.where(wrong[:, None], 0.0, self._vector.terms)

        self._clock += 1
        ended = terminated | truncated  # the vector has reset these itself
        over = ((self._clock >= self._limit) | wrong) & ~ended
        terminated = terminated & ~wrong
        truncated = (truncated | over | wrong) & ~terminated
        if over.any():
            observation, _ = self._vector.reset(options={"reset_mask": over})
            now = self._env.flatten(observation, self._num)
        self._clock[terminated | truncated] = 0
        self._last = now
        return GroupStep(now, reward, terminated, truncated, final, terms, bad)

    def _failure(self, when: str, problem: Exception) -> Diverged:
        return Diverged(
            f"{self._env.spec.id} failed in {when}: {words(problem)}",
            "the last checkpoint is intact; the environment's own code is what to look at",
            data={"quantity": type(problem).__name__, "step": self._steps},
        )


class Local:
    """A group of this process, asked and answered like one elsewhere."""

    def __init__(self, *args: Any) -> None:
        self._group = GymGroup(*args)
        self._answer: Any = None

    def ask(self, method: str, *args: Any) -> None:
        """Call a method of the group."""
        self._answer = getattr(self._group, method)(*args)

    def answer(self) -> Any:
        """What it returned."""
        return self._answer

    def close(self) -> None:
        """Close the environments."""
        self._group.close()


class Remote:
    """A group in a process of its own: `ask` does not wait, `answer` does."""

    def __init__(self, *args: Any) -> None:
        context = multiprocessing.get_context("spawn")  # threads do not survive a fork
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, args), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, method: str, *args: Any) -> None:
        """Have a method of the group called."""
        try:
            self._pipe.send((method, args))
        except OSError:
            raise self._gone() from None

    def answer(self) -> Any:
        """What it returned, or raised.

        Raises:
            Diverged: An environment raised, or the process has ended.
        """
        try:
            result = self._pipe.recv()
        except (EOFError, OSError):
            raise self._gone() from None
        if isinstance(result, Exception):
            raise result
        return result

    def close(self) -> None:
        """End the process."""
        self._pipe.close()  # which it takes for a farewell
        self._process.join(timeout=5.0)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _gone(self) -> Diverged:
        self._process.join(timeout=5.0)
        return Diverged(
            "a process that steps environments has ended unexpectedly, with exit code "
            f"{self._process.exitcode}",
            "the last checkpoint is intact; with fewer environments less memory is needed",
            data={"quantity": "process"},
        )


def _serve(pipe: Connection, args: tuple[Any, ...]) -> None:
    """Do what is asked until the other end is closed. Signals are the other process's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    group: GymGroup | None = None
    try:
        while True:
            method, given = pipe.recv()
            try:
                group = group or GymGroup(*args)
                result = getattr(group, method)(*given)
            except RlctlError as problem:
                result = type(problem)(problem.message, problem.hint, problem.data)
            pipe.send(result)
    except (EOFError, OSError):
        if group is not None:
            group.close()
