"""Driver for Gymnasium environments, in numpy; only `collect` loads JAX, for the policy.

Slow environments are spread over processes, one per core. Results do not depend on that.
Gymnasium environments cannot be saved: `restore` starts new episodes.
"""

import os
import pickle
from contextlib import ExitStack
from itertools import pairwise
from typing import Any, Self

import numpy as np

from rlctl.core.errors import Diverged
from rlctl.families.gymnasium.environment import GymnasiumEnvironment
from rlctl.families.gymnasium.group import Fault, concatenate_steps
from rlctl.families.gymnasium.process import LocalGroup, RemoteGroup
from rlctl.rollouts.base import Actor, Arrays, Episodes, Step, Unroll

# Processes pay off if a step takes at least this many seconds, of one environment and of all.
MIN_STEP_SECONDS = 50e-6, 400e-6


class GymDriver:
    """N Gymnasium environments; see rollouts.base.Driver.

    Reward terms are taken from the infos. A term that appears late counts 0 before.

    Args:
        env: The environment.
        episode_length: Time limit in control steps.
        num_envs: N.
        on_nonfinite: "stop" or "reset".
        first: Index of the first environment, for its seed.
        render_mode: None, or `rgb_array` for `render` to work.
    """

    physics = "gymnasium"

    def __init__(
        self,
        env: GymnasiumEnvironment,
        episode_length: int,
        num_envs: int,
        on_nonfinite: str = "stop",
        first: int = 0,
        render_mode: str | None = None,
    ) -> None:
        self.spec = env.spec
        self.num_envs = num_envs
        self._first, self._stop, self._limit = first, on_nonfinite == "stop", episode_length
        count = 1 if render_mode else num_processes(env, num_envs)
        edges = np.linspace(0, num_envs, count + 1).astype(int).tolist()
        self._rows = [slice(start, stop) for start, stop in pairwise(edges)]
        kinds = [RemoteGroup] * (count - 1) + [
            LocalGroup
        ]  # started last: it steps environments too
        self._groups = [
            kind(env, rows.stop - rows.start, episode_length, render_mode)
            for kind, rows in zip(kinds, self._rows, strict=True)
        ]
        self._seed = self._time = 0
        self.observation = np.zeros((num_envs, env.spec.observation_size), np.float32)
        self._terms = dict.fromkeys(env.spec.terms)  # names, in order of appearance
        self._clear_stats()

    def reset(self, seed: int) -> np.ndarray:
        """Start a new episode in every environment; return observation (N, O)."""
        self._seed, self._time = seed, 0
        return self._restart(seed)

    def stagger(self) -> None:
        """Stagger the clocks of the episodes just started evenly over the time limit."""
        clock = np.arange(self.num_envs, dtype=np.int64) * self._limit // self.num_envs
        self._call_all("stagger", [(clock[rows],) for rows in self._rows])

    def step(self, action: np.ndarray, edits: Arrays | None = None) -> Step:
        """Take one control step with actions (N, A); the state cannot be edited.

        Raises:
            Diverged: An observation or reward is not finite, or an environment raised.
        """
        assert not edits, "see edit_shapes"
        action = np.asarray(action, np.float32)
        parts = self._call_all("step", [(action[rows],) for rows in self._rows])
        step = concatenate_steps(parts)
        if step.faults:
            self._record_faults(step.faults)
        self._time += 1
        self.observation = step.observation
        self._terms |= dict.fromkeys(step.terms)
        missing = np.zeros(self.num_envs, np.float32)
        result = Step(*step[:5], {name: step.terms.get(name, missing) for name in self._terms})
        self._update_stats(result)
        return result

    def edit_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return no fields: the physics is the environment's own."""
        return {}

    def collect(self, actor: Actor, params: Any, length: int) -> tuple[Unroll, Episodes]:
        """Collect an unroll of `length` steps with `params`, continuing from the last call."""
        from rlctl.families.gymnasium.collect import collect

        unroll = collect(self, actor, params, length, (self._seed, self._first, self._time))
        return unroll, self.take_episodes()

    def take_episodes(self) -> Episodes:
        """Return sums over the episodes that ended since the last call."""
        ended, self._ended = self._ended, Episodes(0, 0.0, 0.0, dict.fromkeys(self._terms, 0.0))
        return ended

    def state(self) -> Arrays:
        """Return seed and step: the environments themselves cannot be saved."""
        return {"seed": np.asarray(self._seed, np.int64), "time": np.asarray(self._time, np.int64)}

    def restore(self, arrays: Arrays) -> None:
        """Start new episodes, with seeds that depend on the step: not those of the run's start."""
        self._seed, self._time = int(arrays["seed"]), int(arrays["time"])
        self._restart(self._seed, self._time)
        self.stagger()

    def qpos(self) -> np.ndarray:
        """Return no positions, (N, 0): these environments `render` themselves."""
        return np.zeros((self.num_envs, 0))

    def command(self) -> np.ndarray:
        """Return no commands, (N, 0)."""
        return np.zeros((self.num_envs, 0), np.float32)

    def set_command(self, command: np.ndarray) -> None:
        """Do nothing: there are no commands, (N, 0)."""

    def render(self) -> np.ndarray:
        """Render the first environment: (height, width, 3) uint8.

        Raises:
            RendererMissing: The environment cannot be rendered.
        """
        (group,) = self._groups
        group.call_async("render")
        return group.call_wait()

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
        """Start episodes with seeds from `entropy` and the environments' indices."""
        # 31 bits, which fit any environment's integer type.
        seeds = [
            int(np.random.SeedSequence((*entropy, self._first + i)).generate_state(1)[0]) >> 1
            for i in range(self.num_envs)
        ]
        parts = self._call_all("reset", [(seeds[rows],) for rows in self._rows])
        self.observation = np.concatenate(parts)
        self._clear_stats()
        return self.observation

    def _clear_stats(self) -> None:
        """Reset the statistics: no episode has ended, and the running ones have just started."""
        self._return, self._length = np.zeros(self.num_envs), np.zeros(self.num_envs)
        self._sums: Arrays = {}
        self._ended = Episodes(0, 0.0, 0.0, dict.fromkeys(self._terms, 0.0))

    def _update_stats(self, step: Step) -> None:
        """Update the episode statistics with a step."""
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

    def _record_faults(self, faults: dict[int, Fault]) -> None:
        """Count environments with non-finite values, or raise Diverged if they stop the run."""
        self._ended.nonfinite += len(faults)
        if not self._stop:
            return
        row, (quantity, value) = next(iter(faults.items()))
        environment = self._first + row
        raise Diverged(
            f"the {quantity} of environment {environment} of {self.spec.id} is not finite at step "
            f"{self._time} ({len(faults)} of {self.num_envs} environments): {value}",
            "check the environment's code",
            data={"quantity": quantity, "environment": environment, "step": self._time},
        )

    def _call_all(self, method: str, arguments: list[tuple[Any, ...]]) -> list[Any]:
        """Call a method of all groups in parallel, each with its own arguments."""
        for group, given in zip(self._groups, arguments, strict=True):
            group.call_async(method, *given)
        return [group.call_wait() for group in self._groups]


def num_processes(env: GymnasiumEnvironment, num_envs: int) -> int:
    """Return how many processes to step N environments in; 1 means this process."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    each, together = MIN_STEP_SECONDS
    if env.step_seconds < each or env.step_seconds * num_envs < together:
        return 1
    try:
        pickle.dumps(env)
    except (
        pickle.PicklingError,
        AttributeError,
        TypeError,
    ):  # defined inside a function or in __main__
        return 1
    return max(1, min(cores or 1, num_envs))
