"""Jitted step of all environments, physics and auto-reset included.

Shapes: N environments, T time steps, O observation, A action.
"""

from functools import partial, reduce
from operator import itemgetter
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rlctl.physics.simulation import Fields, SimState, Simulation
from rlctl.rollouts import episode_stats
from rlctl.rollouts.arrays import select
from rlctl.rollouts.base import Actor, Unroll
from rlctl.rollouts.devices import AXIS, COLUMNS, COPIES, ENVS, UNROLL, Devices
from rlctl.rollouts.episode_stats import EpisodeStats, EpisodeSums, StepOutcome
from rlctl.rollouts.keys import AFTER, BEFORE, BEGIN, INITIAL, RANDOMIZE, step_keys
from rlctl.rollouts.unrolls import final_where_truncated

RESTARTS = 16  # ended episodes are reset N / RESTARTS at a time


class JaxState(NamedTuple):
    """State between steps; every leaf leads with N. Field names are names of checkpoint members.

    Attributes:
        key: (N, 2) uint32, folded from the seed and the environment's index.
        model_fields: Randomised model fields by name.
        sim: State of the simulation.
        observation: (N, O).
        book: Statistics of the running episodes.
    """

    key: jax.Array
    model_fields: Fields
    sim: SimState
    observation: jax.Array
    book: EpisodeStats


class JaxProgram:
    """Jitted functions of one simulation.

    Args:
        simulation: Environment and physics.
        episode_length: Time limit in control steps.
        resample: Whether to resample randomised model fields at every auto-reset.
        devices: Devices that share the environments; None for the first.
    """

    def __init__(
        self,
        simulation: Simulation,
        episode_length: int,
        resample: bool = False,
        devices: Devices | None = None,
    ) -> None:
        self.simulation = simulation
        self.episode_length = episode_length
        self.devices = devices or Devices.first(1)
        self._resample = resample
        split = self.devices.split
        self.randomize = jax.jit(split(simulation.randomize, (ENVS,), ENVS))
        self.command = jax.jit(split(simulation.command, (ENVS,), ENVS))
        self.set_command = jax.jit(split(simulation.set_command, (ENVS, ENVS), ENVS))
        self.start = jax.jit(split(self._start, (ENVS, ENVS), ENVS))
        given, returned = (ENVS, ENVS, ENVS, COPIES), (ENVS, ENVS, ENVS, COPIES)
        self.step = jax.jit(split(self._step_and_sum, given, returned))
        self.collect = jax.jit(self._collect, static_argnums=(0, 1))

    def _start(self, keys: jax.Array, model_fields: Fields) -> JaxState:
        """Start the first episode of every environment, keys (N, 2)."""
        sim, observation = self._reset(keys, model_fields, jnp.uint32(0))
        stats = episode_stats.initial_stats(len(keys), self.simulation.spec.terms)
        return JaxState(keys, model_fields, sim, observation, stats)

    def _reset(
        self, keys: jax.Array, model_fields: Fields, time: jax.Array
    ) -> tuple[SimState, jax.Array]:
        return self.simulation.reset(
            step_keys(keys, time, INITIAL), step_keys(keys, time, BEGIN), model_fields
        )

    def _collect(
        self,
        actor: Actor,
        length: int,
        params: Any,
        state: JaxState,
        time: jax.Array,
    ) -> tuple[JaxState, Unroll, EpisodeSums, jax.Array]:
        """Collect `length` steps, the first of which is step `time`.

        Returns:
            The state, the unroll, sums over ended episodes, and non-finite quantities (T, N) int32.
        """
        collect = self.devices.split(
            partial(self._collect_part, actor, length),
            (COPIES, ENVS, COPIES),
            (ENVS, UNROLL, COPIES, COLUMNS),
        )
        return collect(params, state, time)

    def _collect_part(
        self, actor: Actor, length: int, params: Any, state: JaxState, time: jax.Array
    ) -> tuple[JaxState, Unroll, EpisodeSums, jax.Array]:
        """Collect in a device's part of the environments; the sums are over all."""

        def scan_step(carry: tuple[JaxState, EpisodeSums], now: jax.Array) -> Any:
            state, sums = carry
            noise = actor.noise(state.key, now)
            actor_step = jax.vmap(actor.act, (None, 0, 0))(params, state.observation, noise)
            next_state, outcome, final, ended = self._step(state, actor_step.action, {}, now)
            row = {
                "observation": state.observation,
                "extras": actor_step.extras,
                "reward": outcome.reward,
                "terminated": outcome.terminated,
                "truncated": outcome.truncated,
                "final": final_where_truncated(actor, params, final, outcome.truncated),
            }
            return (next_state, episode_stats.add_sums(sums, ended)), (row, outcome.bad)

        zero = episode_stats.zero_sums(self.simulation.spec.terms)
        times = time + jnp.arange(length, dtype=jnp.uint32)
        (state, sums), (rows, bad) = jax.lax.scan(scan_step, (state, zero), times)
        unroll = Unroll(**rows, last_observation=state.observation)
        return state, unroll, self._of_all_devices(sums), bad

    def _of_all_devices(self, sums: EpisodeSums) -> EpisodeSums:
        """Add the sums of all devices, in their order."""
        if self.devices.num == 1:
            return sums
        gathered = jax.lax.all_gather(sums, AXIS)
        parts = (jax.tree.map(itemgetter(i), gathered) for i in range(self.devices.num))
        return reduce(episode_stats.add_sums, parts)

    def _step_and_sum(
        self, state: JaxState, action: jax.Array, edits: Fields, time: jax.Array
    ) -> tuple[JaxState, StepOutcome, jax.Array, EpisodeSums]:
        """Take a step in a device's part of the environments; the sums are over all."""
        state, outcome, final, ended = self._step(state, action, edits, time)
        return state, outcome, final, self._of_all_devices(ended)

    def _step(
        self, state: JaxState, action: jax.Array, edits: Fields, time: jax.Array
    ) -> tuple[JaxState, StepOutcome, jax.Array, EpisodeSums]:
        """Take one control step with actions (N, A), then reset the episodes that ended.

        Returns:
            The state, the outcome, the final observations (N, O), sums over ended episodes.
        """
        sim, transition = self.simulation.step(
            state.sim,
            action,
            step_keys(state.key, time, BEFORE),
            step_keys(state.key, time, AFTER),
            state.model_fields,
            edits,
        )
        failed = jnp.zeros(len(action), bool)  # MJX never refuses to step
        bad = episode_stats.find_nonfinite(
            self.simulation.fields(sim), transition.observation, transition.reward, failed
        )
        # The final observation of a non-finite environment is that of the step before.
        finite = (bad == episode_stats.FINITE).astype(jnp.float32)
        final = select(finite, transition.observation, state.observation)
        _, reward, terminated, metrics = transition
        stats, outcome, ended = episode_stats.step_episodes(
            state.book, reward, terminated, metrics, bad, self.episode_length
        )
        state = JaxState(state.key, state.model_fields, sim, final, stats)
        return self._restart(state, outcome.done, time + jnp.uint32(1)), outcome, final, ended

    def _restart(self, state: JaxState, done: jax.Array, time: jax.Array) -> JaxState:
        """Reset environments where done (N,), some rows at a time.

        A reset costs a forward pass of the physics. Few episodes end in a typical step, so this is
        cheaper than computing a reset for every row and selecting.
        """
        num = len(done)
        size = max(1, num // RESTARTS)

        def restart_rows(carry: Any) -> Any:
            waiting, old = carry
            rows = jnp.nonzero(waiting, size=size, fill_value=num)[0]  # row `num` is dropped
            taken = state.key, state.model_fields
            keys, model_fields = jax.tree.map(lambda x: x.at[rows].get(mode="clip"), taken)
            if self._resample:
                model_fields = self.simulation.randomize(step_keys(keys, time, RANDOMIZE))
            fresh = (model_fields, *self._reset(keys, model_fields, time))
            new = jax.tree.map(lambda x, y: x.at[rows].set(y, mode="drop"), old, fresh)
            return waiting.at[rows].set(False, mode="drop"), new

        start = (done > 0, (state.model_fields, state.sim, state.observation))
        _, (model_fields, sim, observation) = jax.lax.while_loop(
            lambda c: c[0].any(), restart_rows, start
        )
        return state._replace(model_fields=model_fields, sim=sim, observation=observation)
