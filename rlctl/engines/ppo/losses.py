"""PPO's advantage estimation and loss as pure functions.

Shapes: T time, B environments, O observation, A action; all float32.
Papers: PPO, Schulman et al. 2017 (arXiv 1707.06347); GAE, Schulman et al. 2016 (arXiv 1506.02438).
Without truncation the numbers equal brax.training.agents.ppo.losses.
"""

from typing import Any

import jax
import jax.numpy as jnp

from rlctl.engines.ppo.config import PPOConfig
from rlctl.engines.ppo.networks import Networks
from rlctl.engines.ppo.shards import ONE_SHARD, Reduction
from rlctl.policies.mlp import tanh_normal
from rlctl.policies.mlp.jax_net import Params
from rlctl.rollouts.base import Unroll


def gae(
    reward: jax.Array,
    terminated: jax.Array,
    truncated: jax.Array,
    value: jax.Array,
    last_value: jax.Array,
    final_value: jax.Array,
    discount: float,
    lambda_: float,
) -> tuple[jax.Array, jax.Array]:
    """Estimate advantages (GAE), with truncation distinguished from termination.

        delta_t = r_t + gamma V(s_{t+1}) - V(s_t)
        vs_t    = V(s_t) + delta_t + gamma lambda (vs_{t+1} - V(s_{t+1}))
        A_t     = r_t + gamma vs_{t+1} - V(s_t)                     (Brax's form)

    V(s_{t+1}) is 0 after a termination. After a truncation it is the value of the episode's final
    observation, and the sum over future steps ends there.

    Args:
        reward: (T, B).
        terminated: (T, B), 0 or 1.
        truncated: (T, B), 0 or 1.
        value: (T, B), V(s_t).
        last_value: (B,), V of the observation after the last step.
        final_value: (T, B), V of the final observation where truncated.
        discount: gamma.
        lambda_: 0 for one-step, 1 for n-step returns.

    Returns:
        vs (T, B), the value targets, and the advantages (T, B); both without gradient.
    """

    def discounted_next(x: jax.Array) -> jax.Array:
        """Return gamma x_{t+1} for each step: x (T, B), of states s_t -> (T, B)."""
        following = jnp.concatenate([x[1:], last_value[None]])
        return discount * (1 - terminated) * jnp.where(truncated > 0, final_value, following)

    delta = reward + discounted_next(value) - value
    decay = discount * lambda_ * (1 - terminated) * (1 - truncated)

    def backward(
        later: jax.Array, step: tuple[jax.Array, jax.Array]
    ) -> tuple[jax.Array, jax.Array]:
        delta_t, decay_t = step
        now = delta_t + decay_t * later
        return now, now

    _, vs_minus_value = jax.lax.scan(
        backward, jnp.zeros_like(last_value), (delta, decay), reverse=True
    )
    vs = vs_minus_value + value
    advantage = reward + discounted_next(vs) - value
    return jax.lax.stop_gradient(vs), jax.lax.stop_gradient(advantage)


def ppo_loss(
    params: dict[str, Any],
    unroll: Unroll,
    key: jax.Array,
    networks: Networks,
    config: PPOConfig,
    reduction: Reduction = ONE_SHARD,
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Compute PPO's clipped surrogate (eq. 7), value loss and entropy bonus (eq. 9).

        ratio = pi(a|s) / pi_old(a|s)
        L = -mean min(ratio A, clip(ratio, 1 -+ eps) A) + c_v/2 mean (vs - V)^2 - c_e mean H

    Args:
        params: {"policy", "value"} parameters as learned.
        unroll: (T, B, ...), with preprocessed observations; extras are an ActionSample.
        key: Random key of the entropy estimate.
        networks: The functions that `params` belong to.
        config: Coefficients.
        reduction: Averages over the shards, if `unroll` is one shard of the minibatch.

    Returns:
        The loss () and its parts and diagnostics by name, to be averaged over the shards.
    """
    mean, scale = networks.distribution(params["policy"], unroll.observation)
    value, vs, advantage = _estimate(params["value"], unroll, networks, config)
    moments = jax.lax.stop_gradient((advantage, vs, vs - value))
    (center, *_), (spread, vs_var, error_var) = reduction.moments(moments)
    if config.normalize_advantage:
        advantage = (advantage - center) / (jnp.sqrt(spread) + 1e-8)

    raw_action, old_log_prob = unroll.extras
    log_ratio = tanh_normal.log_prob(mean, scale, raw_action) - old_log_prob
    ratio = jnp.exp(log_ratio)
    clipped = jnp.clip(ratio, 1 - config.clipping_epsilon, 1 + config.clipping_epsilon)
    policy_loss = -jnp.mean(jnp.minimum(ratio * advantage, clipped * advantage))

    v_loss = 0.5 * config.vf_loss_coefficient * jnp.mean((vs - value) ** 2)

    noise = jax.random.normal(reduction.key(key), mean.shape)
    entropy_loss = -config.entropy_cost * jnp.mean(tanh_normal.entropy(mean, scale, noise))

    loss = policy_loss + v_loss + entropy_loss
    return loss, {
        "total_loss": loss,
        "policy_loss": policy_loss,
        "v_loss": v_loss,
        "entropy_loss": entropy_loss,
        "kl_mean": jnp.mean(ratio - 1 - log_ratio),  # low-variance estimate, never negative
        "clip_fraction": jnp.mean(jnp.abs(ratio - 1) > config.clipping_epsilon),
        "policy_std": jnp.mean(scale),
        "explained_variance": 1 - error_var / (vs_var + 1e-8),
    }


def _estimate(
    params: Params, unroll: Unroll, networks: Networks, config: PPOConfig
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return values, value targets and advantages (T, B) of an unroll; see `gae`."""
    value = networks.value(params, unroll.observation)
    last_value = networks.value(params, unroll.last_observation)
    vs, advantage = gae(
        unroll.reward * config.reward_scaling,
        unroll.terminated,
        unroll.truncated,
        value,
        jax.lax.stop_gradient(last_value),
        unroll.final,
        config.discounting,
        config.gae_lambda,
    )
    return value, vs, advantage
