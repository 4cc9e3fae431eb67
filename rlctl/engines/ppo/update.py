"""One PPO update: several passes over an unroll in shuffled minibatches of environments.

Shapes: T time, N environments, M minibatches, B = N // M environments each.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from optax.contrib import muon

from rlctl.engines.ppo.config import PPOConfig
from rlctl.engines.ppo.losses import ppo_loss
from rlctl.engines.ppo.networks import NetParams, Networks, PolicyState
from rlctl.rollouts.base import Unroll

MUON_MOMENTUM = 0.9
ADAM_RMS = 0.2  # of Adam's steps, in learning rates


class LearnerState(NamedTuple):
    """What an update changes.

    Attributes:
        policy: Plain networks and normaliser.
        learned: What those networks are made of, and the optimizer moves; see `Networks`.
        optimizer: optax's state.
        key: (2,) uint32.
    """

    policy: PolicyState
    learned: NetParams
    optimizer: Any
    key: jax.Array


def make_optimizer(config: PPOConfig, num_steps: int) -> optax.GradientTransformation:
    """Adam or Muon for `num_steps` gradient steps, on gradients clipped by their norm if asked.

    Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) moves a weight matrix by
    the nearest orthogonal one to its gradient's running mean, so that weak but steady directions
    count as much as strong ones. Steps are scaled to Adam's size (Liu et al. 2025, arXiv
    2502.16982, section 2.2), which lets both share one learning rate; biases take Nadam's.
    """
    rate = config.learning_rate
    if config.learning_rate_schedule == "linear":
        rate = optax.linear_schedule(rate, 0.0, num_steps)
    if config.optimizer == "muon":
        optimizer = muon(rate, beta=MUON_MOMENTUM, consistent_rms=ADAM_RMS)
    else:
        optimizer = optax.adam(rate)
    if config.max_grad_norm is None:
        return optimizer
    return optax.chain(optax.clip_by_global_norm(config.max_grad_norm), optimizer)


def make_update(
    networks: Networks,
    config: PPOConfig,
    optimizer: optax.GradientTransformation,
    num_minibatches: int,
) -> Callable[[LearnerState, Unroll], tuple[LearnerState, dict[str, jax.Array]]]:
    """The jitted update (LearnerState, Unroll) -> (LearnerState, mean losses by name).

    Like all of a training, it runs on JAX's first device.
    """
    gradient = jax.value_and_grad(ppo_loss, has_aux=True)

    def update(state: LearnerState, unroll: Unroll) -> tuple[LearnerState, dict[str, jax.Array]]:
        statistics = state.policy.normalizer
        if config.normalize_observations:
            statistics = networks.observe(statistics, unroll.observation)
        seen = unroll._replace(
            observation=networks.see(statistics, unroll.observation),
            last_observation=networks.see(statistics, unroll.last_observation),
        )
        key, passes_key = jax.random.split(state.key)

        def descend(carry: Any, batch: tuple[jax.Array, jax.Array]) -> tuple[Any, Any]:
            params, moments = carry
            columns, noise_key = batch
            part = pick(seen, columns)
            (_, losses), grads = gradient(params, part, noise_key, networks, config)
            changes, moments = optimizer.update(grads, moments, params)
            losses["grad_norm"] = optax.tree.norm(grads)
            return (optax.apply_updates(params, changes), moments), losses

        def one_pass(carry: Any, pass_key: jax.Array) -> tuple[Any, Any]:
            shuffle_key, noise_key = jax.random.split(pass_key)
            batches = shuffle(shuffle_key, unroll.reward.shape[1], num_minibatches)
            noise_keys = jax.random.split(noise_key, num_minibatches)
            return jax.lax.scan(descend, carry, (batches, noise_keys))

        carry = (state.learned, state.optimizer)
        pass_keys = jax.random.split(passes_key, config.num_updates_per_batch)
        (params, moments), losses = jax.lax.scan(one_pass, carry, pass_keys)
        state = LearnerState(PolicyState(networks.join(params), statistics), params, moments, key)
        return state, jax.tree.map(jnp.mean, losses)

    return jax.jit(update)


def shuffle(key: jax.Array, num: int, parts: int) -> jax.Array:
    """Random environments for each minibatch: (M, N // M); N mod M are left out of this pass."""
    size = num // parts
    return jax.random.permutation(key, num)[: parts * size].reshape(parts, size)


def pick(unroll: Unroll, columns: jax.Array) -> Unroll:
    """The unroll of some environments only: columns (B,)."""
    last = unroll.last_observation[columns]
    return jax.tree.map(lambda x: x[:, columns], unroll._replace(last_observation=None))._replace(
        last_observation=last
    )
