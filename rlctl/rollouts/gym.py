"""The driver of Gymnasium's environments. numpy; JAX is loaded only to `collect` with a JAX policy.

Slow environments are spread over processes, one for each core. Results do not depend on that.
Gymnasium's environments cannot be saved: `restore` starts fresh episodes.
"""

import os
import pickle
from contextlib import ExitStack
from itertools import pairwise
from typing import Any, Self

import numpy as np

from rlctl.core.errors import Diverged
from rlctl.envs.families.gymnasium import GymnasiumEnvironment
from rlctl.rollouts.base import Actor, Arrays, Episodes, Step, Unroll
from rlctl.rollouts.gym_group import Fault, joined
from rlctl.rollouts.gym_process import Local, Remote

WORTH_A_PROCESS = 50e-6, 400e-6  # s that a step of one environment, and of all, takes at least


class GymDriver:
    """N environments of Gymnasium; see rollouts.base.Driver.

    Terms of the reward are those that infos have: one that appears late counts 0 until then.

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
        self._terms = dict.fromkeys(env.spec.terms)  # names, in the order they appeared in
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
        step = joined(parts)
        if step.faults:
            self._note(step.faults)
        self._time += 1
        self.observation = step.observation
        self._terms |= dict.fromkeys(step.terms)
        none = np.zeros(self.num_envs, np.float32)
        whole = Step(*step[:5], {name: step.terms.get(name, none) for name in self._terms})
        self._count(whole)
        return whole

    def collect(self, actor: Actor, params: Any, length: int) -> tuple[Unroll, Episodes]:
        """Act with `params` for `length` steps, going on from where the last call ended."""
        from rlctl.rollouts.gym_collect import collect

        unroll = collect(self, actor, params, length, (self._seed, self._first, self._time))
        return unroll, self.take_episodes()

    def take_episodes(self) -> Episodes:
        """Sums over the episodes that ended since the last call."""
        ended, self._ended = self._ended, Episodes(0, 0.0, 0.0, dict.fromkeys(self._terms, 0.0))
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
        """Close the environments and end their processes.

        Raises:
            Diverged: An environment raised.
        """
        groups, self._groups = self._groups, []
        with ExitStack() as stack:
            for group in reversed(groups):
                stack.callback(group.close)

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
        self._sums: Arrays = {}
        self._ended = Episodes(0, 0.0, 0.0, dict.fromkeys(self._terms, 0.0))

    def _count(self, step: Step) -> None:
        """Enter a step in the books of the episodes."""
        self._return += step.reward
        self._length += 1
        for name, term in step.metrics.items():
            self._sums[name] = self._sums.get(name, 0.0) + term.astype(np.float64)
        over = step.terminated | step.truncated
        if not over.any():
            return
        returns = self._return[over]
        self._ended += Episodes(
            count=len(returns),
            returns=float(returns.sum()),
            lengths=float(self._length[over].sum()),
            terms={name: float(total[over].sum()) for name, total in self._sums.items()},
            spread=len(returns) * float(returns.var()),
        )
        self._return[over] = self._length[over] = 0.0
        for total in self._sums.values():
            total[over] = 0.0

    def _note(self, faults: dict[int, Fault]) -> None:
        """Count the environments that were not finite, or stop because of them."""
        self._ended.nonfinite += len(faults)
        if not self._stop:
            return
        row, (quantity, value) = next(iter(faults.items()))
        environment = self._first + row
        raise Diverged(
            f"the {quantity} of environment {environment} of {self.spec.id} is not finite at step "
            f"{self._time} ({len(faults)} of {self.num_envs} environments): {value}",
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
