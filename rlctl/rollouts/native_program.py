"""Jitted part of a step with native physics: everything except the physics.

    act      `final` of truncated episodes -> reset ended episodes -> policy -> before
    [native physics]
    observe  after -> episode statistics -> initial states for the episodes that ended
    [reset and forward of those in native physics]

Shapes: n environments of a group, O observation, A action.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rlctl.envs.base import Carry, Drawn, Environment, Start, sample_start
from rlctl.physics.base import Physics
from rlctl.rollouts import episode_stats
from rlctl.rollouts.arrays import select
from rlctl.rollouts.base import Actor, ActorStep
from rlctl.rollouts.episode_stats import EpisodeStats, EpisodeSums, StepOutcome
from rlctl.rollouts.keys import AFTER, BEFORE, BEGIN, INITIAL, RANDOMIZE, step_keys
from rlctl.rollouts.unrolls import final_where_truncated

Fields = dict[str, jax.Array]  # MjData field -> (n, ...) float32


class NativeState(NamedTuple):
    """State of a group without its physics; every leaf leads with n.

    Field names are part of the names of checkpoint members.

    Attributes:
        key: (n, 2) uint32, folded from the seed and the environment's index.
        carry: State that the environments keep between steps.
        observation: (n, O).
        action: (n, A), the current one.
        book: Statistics of the running episodes.
    """

    key: jax.Array
    carry: Carry
    observation: jax.Array
    action: jax.Array
    book: EpisodeStats


class NextEpisode(NamedTuple):
    """Start of an episode after the first; every leaf leads with n.

    Attributes:
        start: State in which it starts.
        model_fields: Resampled model fields by name; empty if they stay as they are.
    """

    start: Start
    model_fields: Fields


class NativeProgram:
    """Jitted functions of one environment, shared by all groups of a driver.

    Args:
        env: The environment.
        episode_length: Time limit in control steps.
        resample: Whether to resample randomised model fields at every auto-reset.
    """

    def __init__(self, env: Environment, episode_length: int, resample: bool = False) -> None:
        self.env = env
        self.episode_length = episode_length
        self._resample = resample
        self.initial = jax.jit(self._initial)
        self.start = jax.jit(self._start)
        self.observe = jax.jit(self._observe)
        self.restart = jax.jit(self._restart)
        self.before = jax.jit(self._before)
        self.command = jax.jit(jax.vmap(env.command))
        self.set_command = jax.jit(jax.vmap(env.set_command))
        model = env.model()
        self.randomize = jax.jit(jax.vmap(lambda key: env.randomize(key, model)))

    @partial(jax.jit, static_argnums=(0, 1))
    def act(
        self,
        actor: Actor,
        params: Any,
        state: NativeState,
        fields: Fields,
        outcome: StepOutcome,
        drawn: Drawn,
        time: jax.Array,
    ) -> tuple[NativeState, ActorStep, Any, tuple[Any, jax.Array]]:
        """Reset ended episodes, choose actions, and convert them to edits and controls.

        Args:
            actor: The behaviour policy.
            params: Its parameters.
            state: State after the last step.
            fields: Physics fields, reset where an episode ended.
            outcome: Outcome of the last step.
            drawn: Drawn for the episodes that start now, (n, ...).
            time: Control step.

        Returns:
            The state, the policy's output (n, ...), `final` of the step before (n, ...), and
            (edits, ctrl) for the physics.
        """
        state, final = self.finish(actor, params, state, fields, outcome, drawn, time)
        noise = actor.noise(state.key, time)
        actor_step = jax.vmap(actor.act, (None, 0, 0))(params, state.observation, noise)
        inputs = self._before(state.key, state.carry, fields, actor_step.action, time)
        return state._replace(action=actor_step.action), actor_step, final, inputs

    @partial(jax.jit, static_argnums=(0, 1))
    def finish(
        self,
        actor: Actor,
        params: Any,
        state: NativeState,
        fields: Fields,
        outcome: StepOutcome,
        drawn: Drawn,
        time: jax.Array,
    ) -> tuple[NativeState, Any]:
        """Return `final` of the last step's truncated episodes; reset the episodes that ended."""
        final = final_where_truncated(actor, params, state.observation, outcome.truncated)
        carry, observation = self._restart(
            state.key, (state.carry, state.observation), fields, outcome.done, drawn, time
        )
        return state._replace(carry=carry, observation=observation), final

    def _initial(self, keys: jax.Array, time: jax.Array) -> Start:
        """Sample the states (n, ...) in which episodes start."""
        return jax.vmap(partial(sample_start, self.env))(step_keys(keys, time, INITIAL))

    def _next_episode(self, keys: jax.Array, time: jax.Array) -> NextEpisode:
        """Sample the start of every environment's next episode."""
        model_fields = self.randomize(step_keys(keys, time, RANDOMIZE)) if self._resample else {}
        return NextEpisode(self._initial(keys, time), model_fields)

    def _start(self, keys: jax.Array, fields: Fields, drawn: Drawn, time: jax.Array) -> NativeState:
        """Start an episode in every environment."""
        carry, observation = self._begin(keys, fields, drawn, time)
        num = observation.shape[0]
        action = jnp.zeros((num, self.env.spec.action_size), jnp.float32)
        return NativeState(
            keys, carry, observation, action, episode_stats.initial_stats(num, self.env.spec.terms)
        )

    def _begin(
        self, keys: jax.Array, fields: Fields, drawn: Drawn, time: jax.Array
    ) -> tuple[Carry, jax.Array]:
        return jax.vmap(self.env.begin)(Physics(fields), drawn, step_keys(keys, time, BEGIN))

    def _restart(
        self,
        keys: jax.Array,
        running: tuple[Carry, jax.Array],
        fields: Fields,
        done: jax.Array,
        drawn: Drawn,
        time: jax.Array,
    ) -> tuple[Carry, jax.Array]:
        """Return carry and observation, new where done (n,); the physics is already reset there."""
        return jax.lax.cond(
            done.any(),
            lambda: select(done, self._begin(keys, fields, drawn, time), running),
            lambda: running,
        )

    def _before(
        self, keys: jax.Array, carry: Carry, fields: Fields, action: jax.Array, time: jax.Array
    ) -> tuple[Any, jax.Array]:
        """Return (edits, ctrl) for the physics."""
        keys = step_keys(keys, time, BEFORE)
        return jax.vmap(self.env.before)(carry, Physics(fields), action, keys)

    def _observe(
        self,
        state: NativeState,
        fields: Fields,
        failed: jax.Array,
        ended: EpisodeSums,
        time: jax.Array,
    ) -> tuple[NativeState, StepOutcome, EpisodeSums, NextEpisode]:
        """Compute observations and rewards, and sample the next episodes if one ended.

        Returns:
            The state, the outcome, sums over ended episodes, and the next episode of every
            environment: zeros if none ended.
        """
        keys = step_keys(state.key, time, AFTER)
        carry, observation, reward, terminated, metrics = jax.vmap(self.env.after)(
            state.carry, Physics(fields), state.action, keys
        )
        bad = episode_stats.find_nonfinite(fields, observation, reward, failed)
        # The final observation of a non-finite environment is that of the step before.
        finite = (bad == episode_stats.FINITE).astype(jnp.float32)
        carry, observation = select(finite, (carry, observation), (state.carry, state.observation))
        stats, outcome, sums = episode_stats.step_episodes(
            state.book, reward, terminated, metrics, bad, self.episode_length
        )
        shapes = jax.eval_shape(self._next_episode, state.key, time)
        following = jax.lax.cond(
            outcome.done.any(),
            lambda: self._next_episode(state.key, time + 1),
            lambda: jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes),
        )
        state = state._replace(carry=carry, observation=observation, book=stats)
        return state, outcome, episode_stats.add_sums(ended, sums), following
