"""PPO's update: several epochs over an unroll in shuffled minibatches of environments.

Shapes: T time, N environments of a shard, M minibatches, B = N // M environments each.
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
from rlctl.engines.ppo.shards import ONE_SHARD, Reduction
from rlctl.rollouts.base import Unroll

MUON_MOMENTUM = 0.9
ADAM_RMS = 0.2  # root mean square of Adam's steps, in units of the learning rate


class LearnerState(NamedTuple):
    """The state that an update changes.

    Attributes:
        policy: Plain networks and normaliser, for acting and checkpoints.
        learned: The parameters that the optimizer updates; see `Networks`.
        optimizer: optax's state.
        key: (2,) uint32.
    """

    policy: PolicyState
    learned: NetParams
    optimizer: Any
    key: jax.Array


Update = Callable[[LearnerState, Unroll], tuple[LearnerState, dict[str, jax.Array]]]


def make_optimizer(config: PPOConfig, num_steps: int) -> optax.GradientTransformation:
    """Return Adam or Muon, with a schedule over `num_steps` and gradient clipping if set.

    Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) moves a weight matrix by
    the orthogonal matrix nearest to its gradient's running mean, so that weak but steady directions
    count as much as strong ones. Steps are scaled to Adam's size (Liu et al. 2025, arXiv
    2502.16982, section 2.2), which lets both share one learning rate; biases use Nadam.
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
    reduction: Reduction = ONE_SHARD,
) -> Update:
    """Return the update (LearnerState, Unroll) -> (LearnerState, mean losses by name).

    It is a function of the unroll of one shard. Its results are the same in all shards.
    """
    gradient = jax.value_and_grad(ppo_loss, has_aux=True)

    def update(state: LearnerState, unroll: Unroll) -> tuple[LearnerState, dict[str, jax.Array]]:
        statistics = state.policy.normalizer
        if config.normalize_observations:
            statistics = networks.update_normalizer(statistics, unroll.observation, reduction)
        # Normalised once, not in every minibatch.
        inputs = unroll._replace(
            observation=networks.preprocess(statistics, unroll.observation),
            last_observation=networks.preprocess(statistics, unroll.last_observation),
        )
        key, epochs_key = jax.random.split(state.key)

        def gradient_step(carry: Any, batch: tuple[jax.Array, jax.Array]) -> tuple[Any, Any]:
            params, moments = carry
            envs, noise_key = batch
            minibatch = take_envs(inputs, envs)
            (_, losses), grads = gradient(params, minibatch, noise_key, networks, config, reduction)
            grads, losses = reduction.mean((grads, losses))
            changes, moments = optimizer.update(grads, moments, params)
            losses["grad_norm"] = optax.tree.norm(grads)
            return (optax.apply_updates(params, changes), moments), losses

        def epoch(carry: Any, epoch_key: jax.Array) -> tuple[Any, Any]:
            shuffle_key, noise_key = jax.random.split(epoch_key)
            num_envs = unroll.reward.shape[1]
            batches = shuffle(reduction.key(shuffle_key), num_envs, num_minibatches)
            noise_keys = jax.random.split(noise_key, num_minibatches)
            return jax.lax.scan(gradient_step, carry, (batches, noise_keys))

        carry = (state.learned, state.optimizer)
        epoch_keys = jax.random.split(epochs_key, config.num_updates_per_batch)
        (params, moments), losses = jax.lax.scan(epoch, carry, epoch_keys)
        policy = PolicyState(statistics, **networks.to_plain(params))
        return LearnerState(policy, params, moments, key), jax.tree.map(jnp.mean, losses)

    return update


def shuffle(key: jax.Array, num: int, parts: int) -> jax.Array:
    """Return random environments for each minibatch, (M, N // M); N mod M are left out."""
    size = num // parts
    return jax.random.permutation(key, num)[: parts * size].reshape(parts, size)


def take_envs(unroll: Unroll, envs: jax.Array) -> Unroll:
    """Return the unroll of the environments with indices `envs` (B,)."""
    last = unroll.last_observation[envs]
    return jax.tree.map(lambda x: x[:, envs], unroll._replace(last_observation=None))._replace(
        last_observation=last
    )
