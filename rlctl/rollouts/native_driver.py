"""Driver for native physics: JAX around MuJoCo C, in groups that run in parallel threads.

While one group is in physics, which releases the interpreter lock, another is in JAX, so no core
is idle. Results do not depend on the grouping.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial, reduce
from itertools import pairwise
from typing import Any, Self

import jax
import numpy as np

from rlctl.envs.base import Drawn
from rlctl.physics.edits import add_edits, edit_shapes
from rlctl.physics.native import NativeBatch
from rlctl.rollouts import episode_stats
from rlctl.rollouts.arrays import flatten, unflatten, write
from rlctl.rollouts.base import Actor, Arrays, Episodes, Step, Unroll
from rlctl.rollouts.episode_stats import EpisodeSums, StepOutcome
from rlctl.rollouts.keys import environment_keys, randomization_keys
from rlctl.rollouts.native_program import NativeProgram, NativeState
from rlctl.rollouts.unrolls import empty_unroll


class NativeGroup:
    """Environments `rows` of a driver, with their physics and JAX state.

    Args:
        program: Jitted functions of the environment.
        rows: Rows of the driver's arrays.
        first: Index of the driver's first environment.
        threads: Threads of the physics.
        on_nonfinite: "stop" or "reset".
    """

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
        self._drawn: Drawn  # for the episodes that start before the next action
        self._none = episode_stats.zero_sums(env.spec.terms)
        self._program = program
        self._on_nonfinite = on_nonfinite
        self.batch = NativeBatch(env.model(), self.num, fields, env.spec.substeps, threads)

    def reset(self, seed: int, model_fields: Arrays) -> None:
        """Start new episodes, with the group's rows of the driver's randomised model fields.

        The rows are views: model fields that are resampled later are written into the driver's.
        """
        keys = environment_keys(seed, self.indices)
        time = np.uint32(0)
        self._model_fields = {name: array[self.rows] for name, array in model_fields.items()}
        self.batch.randomize(self._model_fields)
        qpos, qvel, self._drawn = self._program.initial(keys, time)
        self.batch.reset(np.arange(self.num), np.asarray(qpos), np.asarray(qvel))
        self.fields = self.batch.fields()
        self.state = self._program.start(keys, self.fields, self._drawn, time)
        self.outcome = self.empty_outcome()
        self.ended, self.nonfinite = self._none, 0
        self.batch.take_warnings()

    def empty_outcome(self) -> StepOutcome:
        """Return the outcome of a step in which no episode ended."""
        zeros = np.zeros(self.num, np.float32)
        metrics = dict.fromkeys(self._program.env.spec.metrics, zeros)
        return StepOutcome(zeros, zeros, zeros, metrics, np.zeros(self.num, np.int32))

    def collect(self, actor: Actor, params: Any, unroll: Unroll, time: int) -> EpisodeSums:
        """Fill the group's columns of a numpy unroll (T, N, ...), starting at step `time`."""
        ended = self._none
        for t in range(len(unroll.reward)):
            now = np.uint32(time + t)
            self.state, actor_step, final, inputs = self._program.act(
                actor, params, self.state, self.fields, self.outcome, self._drawn, now
            )
            # Copied here: `advance` replaces the observation by the one after the step.
            unroll.observation[t, self.rows] = self.state.observation
            ended = self.advance(inputs, ended, now)
            write(unroll.extras, (t, self.rows), actor_step.extras)
            if t:
                write(unroll.final, (t - 1, self.rows), final)
            for name in ("reward", "terminated", "truncated"):
                getattr(unroll, name)[t, self.rows] = getattr(self.outcome, name)
        following = np.uint32(time + len(unroll.reward))
        self.state, final = self._program.finish(
            actor, params, self.state, self.fields, self.outcome, self._drawn, following
        )
        write(unroll.final, (-1, self.rows), final)
        unroll.last_observation[self.rows] = self.state.observation
        self.outcome = self.empty_outcome()
        return ended

    def step(self, action: np.ndarray, edits: Arrays, time: int) -> tuple[StepOutcome, jax.Array]:
        """Take one step with actions (n, A); return outcome and final observation (n, O)."""
        now, state = np.uint32(time), self.state
        own_edits, ctrl = self._program.before(state.key, state.carry, self.fields, action, now)
        self.state = state._replace(action=action)
        self.ended = self.advance((add_edits(own_edits, edits), ctrl), self.ended, now)
        state, final_observation = self.state, self.state.observation
        if (done := self._done(self.outcome)).any():
            # The physics of these has been reset in `advance`; this restarts carry and observation.
            running = (state.carry, final_observation)
            carry, observation = self._program.restart(
                state.key, running, self.fields, done, self._drawn, now + np.uint32(1)
            )
            self.state = state._replace(carry=carry, observation=observation)
        return self.outcome, final_observation

    def take_ended(self) -> EpisodeSums:
        """Return sums over the episodes that ended in `step` since the last call."""
        ended, self.ended = self.ended, self._none
        return ended

    def advance(
        self, inputs: tuple[Any, jax.Array], ended: EpisodeSums, now: np.uint32
    ) -> EpisodeSums:
        """Step the physics, observe, and reset the physics of ended episodes.

        Args:
            inputs: (edits, ctrl) for the physics.
            ended: Sums over ended episodes so far.
            now: Control step.

        Returns:
            The sums, with the episodes that ended in this step.
        """
        edits, ctrl = inputs
        failed = self.batch.step(jax.tree.map(np.asarray, edits), np.asarray(ctrl))
        self.fields = self.batch.fields()
        self.state, self.outcome, ended, following = self._program.observe(
            self.state, self.fields, failed, ended, now
        )
        # Where an episode ended, the physics restarts now and the JAX half before the next action.
        ids = np.flatnonzero(self._done(self.outcome))
        if len(ids):
            self._check_finite(now)  # non-finite environments are truncated, so only here
            self._drawn = following.start.drawn
            start, model_fields = jax.tree.map(lambda array: np.asarray(array)[ids], following)
            for name, values in model_fields.items():
                self._model_fields[name][ids] = values
            self.batch.randomize(model_fields, ids)
            self.batch.reset(ids, start.qpos, start.qvel)
            self.fields = self.batch.fields()
        return ended

    @staticmethod
    def _done(outcome: StepOutcome) -> np.ndarray:
        """Return (n,), nonzero where the episode ended."""
        # In numpy: a call of JAX costs more than the sum.
        return np.asarray(outcome.terminated) + np.asarray(outcome.truncated)

    def _check_finite(self, now: np.uint32) -> None:
        """Count non-finite environments, or raise Diverged if on_nonfinite is "stop"."""
        bad = np.asarray(self.outcome.bad)
        ids = np.flatnonzero(bad)
        if not len(ids):
            return
        self.nonfinite += len(ids)
        if self._on_nonfinite == "stop":
            raise episode_stats.diverged_error(bad, int(self.indices[0]), int(now))


class NativeDriver:
    """N environments on native physics; see rollouts.base.Driver.

    Args:
        program: Jitted functions of the environment; several drivers may share one.
        num_envs: N.
        randomize: Whether to randomise model fields (domain randomisation).
        on_nonfinite: "stop" or "reset".
        first: Index of the first environment, for its random keys.
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
        # Two groups suffice to overlap physics and JAX; small batches are not worth splitting.
        count = max(1, min(2, cores or 1, num_envs // 64))
        edges = np.linspace(0, num_envs, count + 1).astype(int)
        threads = max(1, (cores or 1) // count)
        self._groups = [
            NativeGroup(program, slice(start, stop), first, threads, on_nonfinite)
            for start, stop in pairwise(edges)
        ]
        self._pool = ThreadPoolExecutor(count) if count > 1 else None
        self._time = 0
        self._model_fields: Arrays = {}
        self._randomize = randomize

    def reset(self, seed: int) -> np.ndarray:
        """Start a new episode in every environment; return observation (N, O)."""
        self._time = 0
        self._model_fields = self._sample_model_fields(seed) if self._randomize else {}
        for group in self._groups:
            group.reset(seed, self._model_fields)
        return self.observation

    @property
    def observation(self) -> np.ndarray:
        """Current observation (N, O)."""
        return self._gather(lambda group: group.state.observation)

    def stagger(self) -> None:
        """Stagger the clocks of the episodes just started evenly over the time limit."""
        for group in self._groups:
            rows = np.arange(group.rows.start, group.rows.stop)
            stats = episode_stats.stagger(
                group.state.book, rows, self.num_envs, self._program.episode_length
            )
            group.state = group.state._replace(book=stats)

    def step(self, action: np.ndarray, edits: Arrays | None = None) -> Step:
        """Take one control step with actions (N, A), and edits of the state (N, ...)."""
        action = np.asarray(action, np.float32)

        def step(group: NativeGroup) -> tuple[StepOutcome, jax.Array]:
            part = {name: edit[group.rows] for name, edit in (edits or {}).items()}
            return group.step(action[group.rows], part, self._time)

        results = self._run(step)
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

    def edit_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return MjData fields that `step` can edit and their shapes."""
        return edit_shapes(self._program.env.model())

    def collect(self, actor: Actor, params: Any, length: int) -> tuple[Unroll, Episodes]:
        """Collect an unroll of `length` steps with `params`, continuing from the last call."""
        unroll = empty_unroll(actor, params, length, self.num_envs, self.spec)
        ended = self._run(lambda group: group.collect(actor, params, unroll, self._time))
        self._time += length
        return unroll, self._report(ended)

    def take_episodes(self) -> Episodes:
        """Return sums over the episodes that ended in `step` since the last call."""
        return self._report([group.take_ended() for group in self._groups])

    def state(self) -> Arrays:
        """Return the arrays that `restore` needs to continue bit for bit."""
        join = partial(_join, self._groups)
        parts = [flatten(group.state) for group in self._groups]
        return {
            "time": np.asarray(self._time, np.int64),
            "physics": join(lambda g: g.batch.state),
            **{f"draws/{name}": array.copy() for name, array in self._model_fields.items()},
            **{
                f"fields/{name}": join(lambda g, n=name: g.fields[n])
                for name in self._groups[0].fields
            },
            **{f"jax/{name}": np.concatenate([part[name] for part in parts]) for name in parts[0]},
        }

    def restore(self, arrays: Arrays) -> None:
        """Restore what `state()` returned."""
        self._time = int(arrays["time"])
        self._model_fields = {
            name: array.copy() for name, array in _under(arrays, "draws/").items()
        }
        for group in self._groups:
            rows = group.rows
            group.reset(0, self._model_fields)  # gives the state its structure
            group.batch.state[:] = arrays["physics"][rows]
            group.fields = {k: v[rows] for k, v in _under(arrays, "fields/").items()}
            leaves = {k: v[rows] for k, v in _under(arrays, "jax/").items()}
            group.state = unflatten(group.state, leaves)

    def qpos(self) -> np.ndarray:
        """Return positions (N, nq) float64, for rendering."""
        return self._gather(lambda group: group.batch.qpos)

    def command(self) -> np.ndarray:
        """Return the current commands (N, len(spec.commands)) float32."""
        if not self.spec.commands:
            return np.zeros((self.num_envs, 0), np.float32)
        return self._gather(lambda group: self._program.command(group.state.carry))

    def set_command(self, command: np.ndarray) -> None:
        """Set commands (N, len(spec.commands)); observations contain them from the next step on."""
        command = np.asarray(command, np.float32)
        for group in self._groups:
            carry = self._program.set_command(group.state.carry, command[group.rows])
            group.state = group.state._replace(carry=carry)

    def close(self) -> None:
        """Stop the threads."""
        if self._pool:
            self._pool.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _sample_model_fields(self, seed: int) -> Arrays:
        """Sample randomised model fields of every environment: name -> (N, ...)."""
        indices = np.arange(self._first, self._first + self.num_envs, dtype=np.uint32)
        model_fields = self._program.randomize(randomization_keys(seed, indices))
        return {name: np.array(array) for name, array in model_fields.items()}

    def _report(self, ended: list[EpisodeSums]) -> Episodes:
        """Add up the groups' sums, and the non-finite values and warnings since the last report."""
        nonfinite = sum(group.nonfinite for group in self._groups)
        warnings = sum(group.batch.take_warnings() for group in self._groups)
        for group in self._groups:
            group.nonfinite = 0
        return episode_stats.to_episodes(reduce(episode_stats.add_sums, ended), nonfinite, warnings)

    def _run(self, task: Any) -> list[Any]:
        return list((self._pool.map if self._pool else map)(task, self._groups))

    def _gather(self, read: Any) -> np.ndarray:
        return _join(self._groups, read)


def _join(parts: list[Any], read: Any) -> np.ndarray:
    return np.concatenate([np.asarray(read(part)) for part in parts])


def _under(arrays: Arrays, prefix: str) -> Arrays:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
