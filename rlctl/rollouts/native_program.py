"""The JAX half of a host-driven step: everything but the physics, jitted.

    act      value of final observations -> restart ended episodes -> policy -> before
    [physics on the host]
    observe  after -> bookkeeping -> first states for the episodes that ended
    [reset and forward of those on the host]

Shapes: n environments of a group, O observation, A action.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rlctl.envs.base import Carry, Environment
from rlctl.physics.base import Physics
from rlctl.rollouts import episode_stats
from rlctl.rollouts.base import Actor, ActorStep
from rlctl.rollouts.episode_stats import Ended, EpisodeStats, Outcome
from rlctl.rollouts.keys import AFTER, BEFORE, BEGIN, DRAW, INITIAL, step_keys

Fields = dict[str, jax.Array]  # MjData field -> (n, ...) float32


class NativeState(NamedTuple):
    """What a group remembers between steps besides the physics; every leaf leads with n.

    Attributes:
        key: (n, 2) uint32, folded from the seed and the environment's index.
        carry: The environments' own memory.
        observation: (n, O).
        action: (n, A), the one being carried out.
        book: The running episodes.
    """

    key: jax.Array
    carry: Carry
    observation: jax.Array
    action: jax.Array
    book: EpisodeStats


class First(NamedTuple):
    """What the physics of an episode starts with; every leaf leads with n.

    Attributes:
        qpos: (n, nq).
        qvel: (n, nv).
        draws: Model fields by name, empty where they are kept.
    """

    qpos: jax.Array
    qvel: jax.Array
    draws: Fields


def select(done: jax.Array, fresh: Any, old: Any) -> Any:
    """Pytrees of `fresh` where done (n,), of `old` elsewhere."""

    def pick(new: jax.Array, kept: jax.Array) -> jax.Array:
        return jnp.where(done.reshape(done.shape + (1,) * (new.ndim - 1)) > 0, new, kept)

    return jax.tree.map(pick, fresh, old)


class NativeProgram:
    """The jitted functions of one environment, shared by all groups of a driver.

    Args:
        env: The environment.
        episode_length: Control steps after which an episode is truncated.
        redraw: Whether episodes that follow another draw their randomised model fields anew.
    """

    def __init__(self, env: Environment, episode_length: int, redraw: bool = False) -> None:
        self.env = env
        self.episode_length = episode_length
        self._redraw = redraw
        self.initial = jax.jit(self._initial)
        self.start = jax.jit(self._start)
        self.observe = jax.jit(self._observe)
        self.restart = jax.jit(self._restart)
        self.before = jax.jit(self._before)
        self.command = jax.jit(jax.vmap(env.command))
        self.told = jax.jit(lambda carry, command: jax.vmap(env.told)(carry, command))
        model = env.model()
        self.draw = jax.jit(jax.vmap(lambda key: env.randomize(key, model)))

    @partial(jax.jit, static_argnums=(0, 1))
    def act(
        self,
        actor: Actor,
        params: Any,
        state: NativeState,
        fields: Fields,
        outcome: Outcome,
        time: jax.Array,
    ) -> tuple[NativeState, ActorStep, jax.Array, tuple[Any, jax.Array]]:
        """Restart what ended, choose actions, turn them into edits and controls.

        Returns:
            The state, the policy's step (n, ...), the final values of the step before (n,), and
            (edits, ctrl) for the physics.
        """
        state, final_value = self.finish(actor, params, state, fields, outcome, time)
        noise = actor.noise(state.key, time)
        chosen = jax.vmap(actor.act, (None, 0, 0))(params, state.observation, noise)
        push = self._before(state.key, state.carry, fields, chosen.action, time)
        return state._replace(action=chosen.action), chosen, final_value, push

    @partial(jax.jit, static_argnums=(0, 1))
    def finish(
        self,
        actor: Actor,
        params: Any,
        state: NativeState,
        fields: Fields,
        outcome: Outcome,
        time: jax.Array,
    ) -> tuple[NativeState, jax.Array]:
        """End an unroll: value the last step's final observations, restart what ended."""
        truncated = outcome.truncated
        final_value = jax.lax.cond(
            truncated.any(),
            lambda: truncated * jax.vmap(actor.value, (None, 0))(params, state.observation),
            lambda: jnp.zeros_like(truncated),
        )
        carry, observation = self._restart(
            state.key, (state.carry, state.observation), fields, outcome.done, time
        )
        return state._replace(carry=carry, observation=observation), final_value

    def _initial(self, keys: jax.Array, time: jax.Array) -> tuple[jax.Array, jax.Array]:
        """First qpos (n, nq) and qvel (n, nv)."""
        return jax.vmap(self.env.initial)(step_keys(keys, time, INITIAL))

    def _first(self, keys: jax.Array, time: jax.Array) -> First:
        """What the physics of episodes that follow another starts with."""
        draws = self.draw(step_keys(keys, time, DRAW)) if self._redraw else {}
        return First(*self._initial(keys, time), draws)

    def _start(self, keys: jax.Array, fields: Fields, time: jax.Array) -> NativeState:
        """Every environment at the start of an episode."""
        carry, observation = self._begin(keys, fields, time)
        num = observation.shape[0]
        action = jnp.zeros((num, self.env.spec.action_size), jnp.float32)
        return NativeState(
            keys, carry, observation, action, episode_stats.initial_stats(num, self.env.spec.terms)
        )

    def _begin(self, keys: jax.Array, fields: Fields, time: jax.Array) -> tuple[Carry, jax.Array]:
        return jax.vmap(self.env.begin)(Physics(fields), step_keys(keys, time, BEGIN))

    def _restart(
        self,
        keys: jax.Array,
        running: tuple[Carry, jax.Array],
        fields: Fields,
        done: jax.Array,
        time: jax.Array,
    ) -> tuple[Carry, jax.Array]:
        """Carry and observation, begun anew where done (n,); the physics is already reset there."""
        return jax.lax.cond(
            done.any(),
            lambda: select(done, self._begin(keys, fields, time), running),
            lambda: running,
        )

    def _before(
        self, keys: jax.Array, carry: Carry, fields: Fields, action: jax.Array, time: jax.Array
    ) -> tuple[Any, jax.Array]:
        """(edits, ctrl) for the physics."""
        keys = step_keys(keys, time, BEFORE)
        return jax.vmap(self.env.before)(carry, Physics(fields), action, keys)

    def _observe(
        self, state: NativeState, fields: Fields, failed: jax.Array, ended: Ended, time: jax.Array
    ) -> tuple[NativeState, Outcome, Ended, First]:
        """Look at the physics, keep the books, and draw first states if an episode ended.

        Returns:
            The state, the outcome, the sums of ended episodes, and first states of every
            environment, meaningful only if some episode ended.
        """
        keys = step_keys(state.key, time, AFTER)
        carry, observation, reward, terminated, metrics = jax.vmap(self.env.after)(
            state.carry, Physics(fields), state.action, keys
        )
        bad = episode_stats.find_bad(fields, observation, reward, failed)
        fine = (bad == episode_stats.FINE).astype(jnp.float32)
        carry, observation = select(fine, (carry, observation), (state.carry, state.observation))
        book, outcome, newly = episode_stats.settle(
            state.book, reward, terminated, metrics, bad, self.episode_length
        )
        first = jax.eval_shape(self._first, state.key, time)
        first = jax.lax.cond(
            outcome.done.any(),
            lambda: self._first(state.key, time + 1),
            lambda: jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), first),
        )
        state = state._replace(carry=carry, observation=observation, book=book)
        return state, outcome, episode_stats.add(ended, newly), first
