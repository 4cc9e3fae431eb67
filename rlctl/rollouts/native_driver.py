"""The host driver: JAX around native physics, in groups that run side by side.

Each group has its own batch and its own Python thread: while one is in physics, which releases
the interpreter lock, another is in JAX, so no core waits. Results do not depend on the grouping.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial, reduce
from itertools import pairwise
from typing import Any, Self

import jax
import numpy as np

from rlctl.physics.native import NativeBatch
from rlctl.rollouts import episode_stats
from rlctl.rollouts.arrays import aligned, flatten, unflatten
from rlctl.rollouts.base import Actor, Arrays, Episodes, Step, Unroll, unroll_shapes
from rlctl.rollouts.divergence import diverged
from rlctl.rollouts.episode_stats import Ended, Outcome
from rlctl.rollouts.keys import draw_keys, environment_keys
from rlctl.rollouts.native_program import NativeProgram, NativeState


class NativeGroup:
    """Environments `rows` of a driver whose first is `first`: their physics and JAX state."""

    def __init__(
        self, program: NativeProgram, rows: slice, first: int, threads: int, on_nonfinite: str
    ) -> None:
        env = program.env
        fields = tuple(dict.fromkeys(("qpos", "qvel", *env.fields)))
        self.rows = rows
        self.indices = np.arange(first + rows.start, first + rows.stop, dtype=np.uint32)
        self.num = rows.stop - rows.start
        self.state: NativeState
        self.fields: Arrays = {}
        self.nonfinite = 0
        self._none = episode_stats.no_episodes(env.spec.terms)
        self._program = program
        self._on_nonfinite = on_nonfinite
        self.batch = NativeBatch(env.model(), self.num, fields, env.spec.substeps, threads)

    def reset(self, seed: int, draws: Arrays) -> None:
        """Fresh episodes everywhere, on the group's own rows of the randomised model fields.

        Those rows are written to where episodes draw anew.
        """
        keys = environment_keys(seed, self.indices)
        time = np.uint32(0)
        self._draws = {name: array[self.rows] for name, array in draws.items()}
        self.batch.randomize(self._draws)
        qpos, qvel = self._program.initial(keys, time)
        self.batch.reset(np.arange(self.num), np.asarray(qpos), np.asarray(qvel))
        self.fields = self.batch.fields()
        self.state = self._program.start(keys, self.fields, time)
        self.outcome = self.nothing()
        self.ended, self.nonfinite = self._none, 0
        self.batch.take_warnings()

    def nothing(self) -> Outcome:
        """The outcome of no step: nothing ended."""
        zeros = np.zeros(self.num, np.float32)
        metrics = dict.fromkeys(self._program.env.spec.metrics, zeros)
        return Outcome(zeros, zeros, zeros, metrics, np.zeros(self.num, np.int32))

    def collect(self, actor: Actor, params: Any, unroll: Unroll, time: int) -> Ended:
        """Fill the group's columns of a numpy unroll (T, N, ...), starting at step `time`."""
        ended = self._none
        for t in range(len(unroll.reward)):
            now = np.uint32(time + t)
            self.state, chosen, final_value, push = self._program.act(
                actor, params, self.state, self.fields, self.outcome, now
            )
            unroll.observation[t, self.rows] = self.state.observation
            ended = self.advance(push, ended, now)
            unroll.raw_action[t, self.rows] = chosen.raw_action
            unroll.log_prob[t, self.rows] = chosen.log_prob
            if t:
                unroll.final_value[t - 1, self.rows] = final_value
            for name in ("reward", "terminated", "truncated"):
                getattr(unroll, name)[t, self.rows] = getattr(self.outcome, name)
        self.state, final_value = self._program.finish(
            actor, params, self.state, self.fields, self.outcome, now + np.uint32(1)
        )
        unroll.final_value[-1, self.rows] = final_value
        unroll.last_observation[self.rows] = self.state.observation
        self.outcome = self.nothing()
        return ended

    def step(self, action: np.ndarray, time: int) -> tuple[Outcome, jax.Array]:
        """One step with given actions (n, A): the outcome and the final observation (n, O)."""
        now, state = np.uint32(time), self.state
        push = self._program.before(state.key, state.carry, self.fields, action, now)
        self.state = state._replace(action=action)
        self.ended = self.advance(push, self.ended, now)
        state, final_observation = self.state, self.state.observation
        if (done := self._over(self.outcome)).any():
            running = (state.carry, final_observation)
            carry, observation = self._program.restart(
                state.key, running, self.fields, done, now + np.uint32(1)
            )
            self.state = state._replace(carry=carry, observation=observation)
        return self.outcome, final_observation

    def take_ended(self) -> Ended:
        """Sums over the episodes that ended in `step` since the last call."""
        ended, self.ended = self.ended, self._none
        return ended

    def advance(self, push: tuple[Any, jax.Array], ended: Ended, now: np.uint32) -> Ended:
        """Physics, observation, and the physics half of resets."""
        edits, ctrl = push
        failed = self.batch.step(jax.tree.map(np.asarray, edits), np.asarray(ctrl))
        self.fields = self.batch.fields()
        self.state, self.outcome, ended, first = self._program.observe(
            self.state, self.fields, failed, ended, now
        )
        ids = np.flatnonzero(self._over(self.outcome))
        if len(ids):
            self._check(now)
            qpos, qvel, draws = jax.tree.map(lambda array: np.asarray(array)[ids], first)
            for name, values in draws.items():
                self._draws[name][ids] = values
            self.batch.randomize(draws, ids)
            self.batch.reset(ids, qpos, qvel)
            self.fields = self.batch.fields()
        return ended

    @staticmethod
    def _over(outcome: Outcome) -> np.ndarray:
        """(n,), not 0 where the episode ended; in numpy, which is quicker than a call of JAX."""
        return np.asarray(outcome.terminated) + np.asarray(outcome.truncated)

    def _check(self, now: np.uint32) -> None:
        """Non-finite environments count as ended, so they are looked for only then."""
        bad = np.asarray(self.outcome.bad)
        ids = np.flatnonzero(bad)
        if not len(ids):
            return
        self.nonfinite += len(ids)
        if self._on_nonfinite == "stop":
            raise diverged(bad, int(self.indices[0]), int(now))


class NativeDriver:
    """N environments on native physics; see rollouts.base.Driver.

    Args:
        program: The environment's jitted functions; several drivers may share one.
        num_envs: N.
        randomize: Whether to draw the environment's randomised model fields.
        on_nonfinite: "stop" or "reset".
        first: Index of the first environment, which its random draws depend on.
    """

    physics = "native"

    def __init__(
        self,
        program: NativeProgram,
        num_envs: int,
        randomize: bool,
        on_nonfinite: str,
        first: int = 0,
    ) -> None:
        self.spec = program.env.spec
        self.num_envs = num_envs
        self._program = program
        self._first = first
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        count = max(1, min(2, cores or 1, num_envs // 64))
        edges = np.linspace(0, num_envs, count + 1).astype(int)
        threads = max(1, (cores or 1) // count)
        self._groups = [
            NativeGroup(program, slice(start, stop), first, threads, on_nonfinite)
            for start, stop in pairwise(edges)
        ]
        self._pool = ThreadPoolExecutor(count) if count > 1 else None
        self._time = 0
        self._draws: Arrays = {}
        self._random = randomize

    def reset(self, seed: int) -> np.ndarray:
        """Start a fresh episode everywhere: observation (N, O)."""
        self._time = 0
        self._draws = self._draw(seed) if self._random else {}
        for group in self._groups:
            group.reset(seed, self._draws)
        return self.observation

    @property
    def observation(self) -> np.ndarray:
        """What the environments show now, (N, O)."""
        return self._gather(lambda group: group.state.observation)

    def stagger(self) -> None:
        """Count the episodes just started as under way, evenly over the time limit."""
        for group in self._groups:
            rows = np.arange(group.rows.start, group.rows.stop)
            book = episode_stats.staggered(
                group.state.book, rows, self.num_envs, self._program.episode_length
            )
            group.state = group.state._replace(book=book)

    def step(self, action: np.ndarray) -> Step:
        """One control step with actions (N, A)."""
        action = np.asarray(action, np.float32)
        results = self._run(lambda group: group.step(action[group.rows], self._time))
        self._time += 1
        outcomes = [outcome for outcome, _ in results]
        join = partial(_join, outcomes)
        return Step(
            observation=self.observation,
            reward=join(lambda o: o.reward),
            terminated=join(lambda o: o.terminated) > 0,
            truncated=join(lambda o: o.truncated) > 0,
            final_observation=np.concatenate([np.asarray(final) for _, final in results]),
            metrics={name: join(lambda o, n=name: o.metrics[n]) for name in self.spec.metrics},
        )

    def collect(self, actor: Actor, params: Any, length: int) -> tuple[Unroll, Episodes]:
        """Act with `params` for `length` steps, going on from where the last call ended."""
        unroll = Unroll(*map(aligned, unroll_shapes(length, self.num_envs, self.spec)))
        ended = self._run(lambda group: group.collect(actor, params, unroll, self._time))
        self._time += length
        return unroll, self._report(ended)

    def take_episodes(self) -> Episodes:
        """Sums over the episodes that ended in `step` since the last call."""
        return self._report([group.take_ended() for group in self._groups])

    def state(self) -> Arrays:
        """Everything `restore` needs to go on bit for bit."""
        join = partial(_join, self._groups)
        parts = [flatten(group.state) for group in self._groups]
        return {
            "time": np.asarray(self._time, np.int64),
            "physics": join(lambda g: g.batch.state),
            **{f"draws/{name}": array.copy() for name, array in self._draws.items()},
            **{
                f"fields/{name}": join(lambda g, n=name: g.fields[n])
                for name in self._groups[0].fields
            },
            **{f"jax/{name}": np.concatenate([part[name] for part in parts]) for name in parts[0]},
        }

    def restore(self, arrays: Arrays) -> None:
        """Go on from `state()`."""
        self._time = int(arrays["time"])
        self._draws = {name: array.copy() for name, array in _under(arrays, "draws/").items()}
        for group in self._groups:
            rows = group.rows
            group.reset(0, self._draws)  # gives the state its structure
            group.batch.state[:] = arrays["physics"][rows]
            group.fields = {k: v[rows] for k, v in _under(arrays, "fields/").items()}
            leaves = {k: v[rows] for k, v in _under(arrays, "jax/").items()}
            group.state = unflatten(group.state, leaves)

    def qpos(self) -> np.ndarray:
        """Positions (N, nq) float64, for drawing."""
        return self._gather(lambda group: group.batch.qpos)

    def command(self) -> np.ndarray:
        """Commands in force (N, len(spec.commands)) float32."""
        if not self.spec.commands:
            return np.zeros((self.num_envs, 0), np.float32)
        return self._gather(lambda group: self._program.command(group.state.carry))

    def tell(self, command: np.ndarray) -> None:
        """Give other commands (N, len(spec.commands)); shown from the next step on."""
        command = np.asarray(command, np.float32)
        for group in self._groups:
            carry = self._program.told(group.state.carry, command[group.rows])
            group.state = group.state._replace(carry=carry)

    def close(self) -> None:
        """Stop the threads."""
        if self._pool:
            self._pool.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _draw(self, seed: int) -> Arrays:
        """Randomised model fields of every environment: name -> (N, ...)."""
        indices = np.arange(self._first, self._first + self.num_envs, dtype=np.uint32)
        draws = self._program.draw(draw_keys(seed, indices))
        return {name: np.array(array) for name, array in draws.items()}

    def _report(self, ended: list[Ended]) -> Episodes:
        """The groups' sums as one, with what has gone wrong since the last report."""
        nonfinite = sum(group.nonfinite for group in self._groups)
        warnings = sum(group.batch.take_warnings() for group in self._groups)
        for group in self._groups:
            group.nonfinite = 0
        return episode_stats.report(reduce(episode_stats.add, ended), nonfinite, warnings)

    def _run(self, task: Any) -> list[Any]:
        return list((self._pool.map if self._pool else map)(task, self._groups))

    def _gather(self, read: Any) -> np.ndarray:
        return _join(self._groups, read)


def _join(parts: list[Any], read: Any) -> np.ndarray:
    return np.concatenate([np.asarray(read(part)) for part in parts])


def _under(arrays: Arrays, prefix: str) -> Arrays:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
