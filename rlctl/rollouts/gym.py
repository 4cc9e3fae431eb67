"""The driver of Gymnasium's environments. numpy; JAX is loaded only to `collect` with a JAX policy.

Slow environments are spread over processes, one for each core. Results do not depend on that.
Gymnasium's environments cannot be saved: `restore` starts fresh episodes.
"""

import os
import pickle
from itertools import pairwise
from typing import Any, Self

import numpy as np

from rlctl.core.errors import Diverged
from rlctl.envs.families.gymnasium import GymnasiumEnvironment
from rlctl.rollouts.base import Actor, Arrays, Episodes, Step, Unroll
from rlctl.rollouts.gym_group import BAD_NAMES, GroupStep, Local, Remote

WORTH_A_PROCESS = 50e-6, 400e-6  # s that a step of one environment, and of all, takes at least


class GymDriver:
    """N environments of Gymnasium; see rollouts.base.Driver.

    Args:
        env: The environment.
        episode_length: Control steps after which an episode is truncated.
        render_mode: None, or `rgb_array` for `picture` to work.
        num_envs: N.
        randomize: Makes no difference: their models are their own business.
        on_nonfinite: "stop" or "reset".
        first: Index of the first environment, which its seed depends on.
    """

    physics = "gymnasium"

    def __init__(
        self,
        env: GymnasiumEnvironment,
        episode_length: int,
        render_mode: str | None,
        num_envs: int,
        randomize: bool,
        on_nonfinite: str,
        first: int = 0,
    ) -> None:
        self.spec = env.spec
        self.num_envs = num_envs
        self._first, self._stop, self._limit = first, on_nonfinite == "stop", episode_length
        count = 1 if render_mode else processes(env, num_envs)
        edges = np.linspace(0, num_envs, count + 1).astype(int).tolist()
        self._rows = [slice(start, stop) for start, stop in pairwise(edges)]
        kinds = [Remote] * (count - 1) + [Local]  # this process is the last to begin, not idle
        self._groups = [
            kind(env, rows.stop - rows.start, episode_length, render_mode)
            for kind, rows in zip(kinds, self._rows, strict=True)
        ]
        self._seed = self._time = 0
        self.observation = np.zeros((num_envs, env.spec.observation_size), np.float32)
        self._begin()

    def reset(self, seed: int) -> np.ndarray:
        """Start a fresh episode everywhere: observation (N, O)."""
        self._seed, self._time = seed, 0
        return self._restart(seed)

    def stagger(self) -> None:
        """Count the episodes just started as under way, evenly over the time limit."""
        clock = np.arange(self.num_envs, dtype=np.int64) * self._limit // self.num_envs
        self._ask("stagger", [(clock[rows],) for rows in self._rows])

    def step(self, action: np.ndarray) -> Step:
        """One control step with actions (N, A).

        Raises:
            Diverged: An observation or reward is not finite, or an environment raised.
        """
        action = np.asarray(action, np.float32)
        parts = self._ask("step", [(action[rows],) for rows in self._rows])
        step = GroupStep(*map(np.concatenate, zip(*parts, strict=True)))
        if step.bad.any():
            self._note(step.bad)
        self._time += 1
        self.observation = step.observation
        self._count(step)
        metrics = dict(zip(self.spec.terms, step.terms.T, strict=True))
        return Step(*step[:5], metrics)

    def collect(self, actor: Actor, params: Any, length: int) -> tuple[Unroll, Episodes]:
        """Act with `params` for `length` steps, going on from where the last call ended."""
        from rlctl.rollouts.gym_collect import collect

        unroll = collect(self, actor, params, length, (self._seed, self._first, self._time))
        return unroll, self.take_episodes()

    def take_episodes(self) -> Episodes:
        """Sums over the episodes that ended since the last call."""
        ended, self._ended = self._ended, Episodes(0, 0.0, 0.0, dict.fromkeys(self.spec.terms, 0.0))
        return ended

    def state(self) -> Arrays:
        """The seed and the step: the environments themselves cannot be saved."""
        return {"seed": np.asarray(self._seed, np.int64), "time": np.asarray(self._time, np.int64)}

    def restore(self, arrays: Arrays) -> None:
        """Start fresh episodes, other ones than those the run began with."""
        self._seed, self._time = int(arrays["seed"]), int(arrays["time"])
        self._restart(self._seed, self._time)
        self.stagger()

    def qpos(self) -> np.ndarray:
        """No positions, (N, 0): see `picture`."""
        return np.zeros((self.num_envs, 0))

    def command(self) -> np.ndarray:
        """No commands, (N, 0)."""
        return np.zeros((self.num_envs, 0), np.float32)

    def picture(self) -> np.ndarray:
        """What the first environment looks like: (height, width, 3) uint8.

        Raises:
            RendererMissing: It cannot be drawn.
        """
        (group,) = self._groups
        group.ask("picture")
        return group.answer()

    def close(self) -> None:
        """Close the environments and end their processes."""
        for group in self._groups:
            group.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _restart(self, *entropy: int) -> np.ndarray:
        """Fresh episodes that follow from these numbers and the environments' indices."""
        seeds = [
            int(np.random.SeedSequence((*entropy, self._first + i)).generate_state(1)[0]) >> 1
            for i in range(self.num_envs)
        ]
        parts = self._ask("reset", [(seeds[rows],) for rows in self._rows])
        self.observation = np.concatenate(parts)
        self._begin()
        return self.observation

    def _begin(self) -> None:
        """No episode has ended yet, and those under way are at their start."""
        self._return, self._length = np.zeros(self.num_envs), np.zeros(self.num_envs)
        self._sums = np.zeros((self.num_envs, len(self.spec.terms)))
        self._ended = Episodes(0, 0.0, 0.0, dict.fromkeys(self.spec.terms, 0.0))

    def _count(self, step: GroupStep) -> None:
        """Enter a step in the books of the episodes."""
        self._return += step.reward
        self._length += 1
        self._sums += step.terms
        over = step.terminated | step.truncated
        if not over.any():
            return
        returns, terms = self._return[over], self._sums[over].sum(axis=0)
        self._ended += Episodes(
            count=len(returns),
            returns=float(returns.sum()),
            lengths=float(self._length[over].sum()),
            terms=dict(zip(self.spec.terms, map(float, terms), strict=True)),
            spread=len(returns) * float(returns.var()),
        )
        self._return[over] = self._length[over] = 0.0
        self._sums[over] = 0.0

    def _note(self, bad: np.ndarray) -> None:
        """Count the environments (N,) that were not finite, or stop because of them."""
        rows = np.flatnonzero(bad)
        self._ended.nonfinite += len(rows)
        if not self._stop:
            return
        quantity, environment = BAD_NAMES[bad[rows[0]]], self._first + int(rows[0])
        raise Diverged(
            f"the {quantity} of environment {environment} of {self.spec.id} is not finite at step "
            f"{self._time} ({len(rows)} of {len(bad)} environments)",
            "the last checkpoint is intact; look into the environment, or go on with "
            "--set train.on_nonfinite=reset",
            data={"quantity": quantity, "environment": environment, "step": self._time},
        )

    def _ask(self, method: str, arguments: list[tuple[Any, ...]]) -> list[Any]:
        """Call a method of every group at once, each with its own arguments."""
        for group, given in zip(self._groups, arguments, strict=True):
            group.ask(method, *given)
        return [group.answer() for group in self._groups]


def processes(env: GymnasiumEnvironment, num_envs: int) -> int:
    """How many processes to step N environments in; 1 is this one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    each, together = WORTH_A_PROCESS
    if env.step_seconds < each or env.step_seconds * num_envs < together:
        return 1
    try:
        pickle.dumps(env)
    except (pickle.PicklingError, AttributeError, TypeError):  # made by a function of no module
        return 1
    return max(1, min(cores or 1, num_envs))
