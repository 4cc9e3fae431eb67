"""Collection of unrolls with a JAX policy in environments that are stepped from numpy.

Shapes: T steps, N environments, O observation, A action.
"""

from functools import cache, partial
from itertools import count
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from rlctl.rollouts.arrays import write
from rlctl.rollouts.base import Actor, ActorStep, Unroll
from rlctl.rollouts.keys import environment_keys
from rlctl.rollouts.session import Session
from rlctl.rollouts.unrolls import empty_unroll, final_where_truncated

if TYPE_CHECKING:
    from rlctl.families.gymnasium.driver import GymDriver


def collect(
    driver: "GymDriver", actor: Actor, params: Any, length: int, start: tuple[int, int, int]
) -> Unroll:
    """Collect an unroll of `length` steps, starting from `driver.observation`.

    Args:
        driver: The environments.
        actor: Behaviour policy.
        params: Its parameters.
        length: T.
        start: Seed, index of the first environment, and step, for the random keys.
    """
    seed, first, time = start
    act, final = _jitted(actor)
    indices = np.arange(first, first + driver.num_envs, dtype=np.uint32)
    keys = environment_keys(seed, indices)
    unroll = empty_unroll(actor, params, length, driver.num_envs, driver.spec)
    times = count(time)
    session = Session(driver, lambda x, memory: act(params, x, keys, np.uint32(next(times))))
    for t in range(length):
        unroll.observation[t] = session.observation
        actor_step, step = session.step()
        write(unroll.extras, t, actor_step.extras)
        for name in ("reward", "terminated", "truncated"):
            getattr(unroll, name)[t] = getattr(step, name)
        if step.truncated.any():
            write(unroll.final, t, final(params, step.final_observation, unroll.truncated[t]))
    unroll.last_observation[:] = session.observation
    return unroll


@cache  # jax.jit caches by function object: new ones would be compiled again
def _jitted(actor: Actor) -> tuple[Any, Any]:
    """Return the actor's functions for a batch (N, ...), jitted."""

    @jax.jit
    def act(params: Any, observation: jax.Array, keys: jax.Array, time: jax.Array) -> ActorStep:
        return jax.vmap(actor.act, (None, 0, 0))(params, observation, actor.noise(keys, time))

    return act, jax.jit(partial(final_where_truncated, actor))
