"""A step of all environments, physics included, as pure functions for jit.

Shapes: N environments, T time steps, O observation, A action.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rlctl.physics.simulation import Fields, SimState, Simulation
from rlctl.rollouts import episode_stats
from rlctl.rollouts.base import Actor, Unroll
from rlctl.rollouts.episode_stats import Ended, EpisodeStats, Outcome
from rlctl.rollouts.keys import AFTER, BEFORE, BEGIN, DRAW, INITIAL, step_keys
from rlctl.rollouts.native_program import select

RESTARTS = 16  # ended episodes restart N / RESTARTS at a time


class JaxState(NamedTuple):
    """All that changes from step to step; every leaf leads with N.

    Attributes:
        key: (N, 2) uint32, folded from the seed and the environment's index.
        draws: Randomised model fields by name.
        sim: The simulation's.
        observation: (N, O).
        book: The running episodes.
    """

    key: jax.Array
    draws: Fields
    sim: SimState
    observation: jax.Array
    book: EpisodeStats


class JaxProgram:
    """The jitted functions of one simulation.

    Args:
        simulation: Environment and physics.
        episode_length: Control steps after which an episode is truncated.
        redraw: Whether episodes that follow another draw their randomised model fields anew.
    """

    def __init__(self, simulation: Simulation, episode_length: int, redraw: bool = False) -> None:
        self.simulation = simulation
        self.episode_length = episode_length
        self._redraw = redraw
        self.draw = jax.jit(simulation.draw)
        self.command = jax.jit(simulation.command)
        self.told = jax.jit(lambda state, command: simulation.told(state, command))
        self.start = jax.jit(self._start)
        self.step = jax.jit(self._step)
        self.collect = jax.jit(self._collect, static_argnums=(0, 1))

    def _start(self, keys: jax.Array, draws: Fields) -> JaxState:
        """Every environment at the start of its first episode, keys (N, 2)."""
        sim, observation = self._reset(keys, draws, jnp.uint32(0))
        book = episode_stats.initial_stats(len(keys), self.simulation.spec.terms)
        return JaxState(keys, draws, sim, observation, book)

    def _reset(self, keys: jax.Array, draws: Fields, time: jax.Array) -> tuple[SimState, jax.Array]:
        return self.simulation.reset(
            step_keys(keys, time, INITIAL), step_keys(keys, time, BEGIN), draws
        )

    def _collect(
        self,
        actor: Actor,
        length: int,
        params: Any,
        state: JaxState,
        time: jax.Array,
    ) -> tuple[JaxState, Unroll, Ended, jax.Array]:
        """Act for `length` steps from step `time` on.

        Returns:
            The state, the unroll, the sums of ended episodes, and what was bad (T, N) int32.
        """

        def one(carry: tuple[JaxState, Ended], now: jax.Array) -> Any:
            state, ended = carry
            noise = actor.noise(state.key, now)
            chosen = jax.vmap(actor.act, (None, 0, 0))(params, state.observation, noise)
            following, outcome, final, newly = self._step(state, chosen.action, now)
            row = {
                "observation": state.observation,
                "raw_action": chosen.raw_action,
                "log_prob": chosen.log_prob,
                "reward": outcome.reward,
                "terminated": outcome.terminated,
                "truncated": outcome.truncated,
                "final_value": _final_value(actor, params, final, outcome.truncated),
            }
            return (following, episode_stats.add(ended, newly)), (row, outcome.bad)

        nothing = episode_stats.no_episodes(self.simulation.spec.terms)
        times = time + jnp.arange(length, dtype=jnp.uint32)
        (state, ended), (rows, bad) = jax.lax.scan(one, (state, nothing), times)
        return state, Unroll(**rows, last_observation=state.observation), ended, bad

    def _step(
        self, state: JaxState, action: jax.Array, time: jax.Array
    ) -> tuple[JaxState, Outcome, jax.Array, Ended]:
        """One control step with actions (N, A), and the restart of what it ended.

        Returns:
            The state, the outcome, the final observations (N, O), the sums of ended episodes.
        """
        sim, seen = self.simulation.step(
            state.sim,
            action,
            step_keys(state.key, time, BEFORE),
            step_keys(state.key, time, AFTER),
            state.draws,
        )
        failed = jnp.zeros(len(action), bool)  # MJX steps on whatever happens
        bad = episode_stats.find_bad(
            self.simulation.fields(sim), seen.observation, seen.reward, failed
        )
        fine = (bad == episode_stats.FINE).astype(jnp.float32)
        final = select(fine, seen.observation, state.observation)
        book, outcome, ended = episode_stats.settle(
            state.book, seen.reward, seen.terminated, seen.metrics, bad, self.episode_length
        )
        state = JaxState(state.key, state.draws, sim, final, book)
        return self._restart(state, outcome.done, time + jnp.uint32(1)), outcome, final, ended

    def _restart(self, state: JaxState, done: jax.Array, time: jax.Array) -> JaxState:
        """Start new episodes where done (N,), some rows at a time.

        A reset costs a forward pass of the physics. Usually few episodes end in a step, so most
        rounds are spared, and each reset is still a real one with its own keys.
        """
        num = len(done)
        size = max(1, num // RESTARTS)

        def some(carry: Any) -> Any:
            waiting, old = carry
            rows = jnp.nonzero(waiting, size=size, fill_value=num)[0]  # num: no row, dropped
            chosen = state.key, state.draws
            keys, draws = jax.tree.map(lambda x: x.at[rows].get(mode="clip"), chosen)
            if self._redraw:
                draws = self.simulation.draw(step_keys(keys, time, DRAW))
            fresh = (draws, *self._reset(keys, draws, time))
            new = jax.tree.map(lambda x, y: x.at[rows].set(y, mode="drop"), old, fresh)
            return waiting.at[rows].set(False, mode="drop"), new

        start = (done > 0, (state.draws, state.sim, state.observation))
        _, (draws, sim, observation) = jax.lax.while_loop(lambda c: c[0].any(), some, start)
        return state._replace(draws=draws, sim=sim, observation=observation)


def _final_value(actor: Actor, params: Any, final: jax.Array, truncated: jax.Array) -> jax.Array:
    """Values of final observations (N, O) where truncated (N,), 0 elsewhere."""
    return jax.lax.cond(
        truncated.any(),
        lambda: truncated * jax.vmap(actor.value, (None, 0))(params, final),
        lambda: jnp.zeros_like(truncated),
    )
