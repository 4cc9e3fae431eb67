"""SAC's losses as pure functions.

Shapes: B transitions, A action, 2 critics; all float32. Actions are squashed: tanh(u) in [-1, 1].
Paper: Haarnoja et al. 2018, "Soft Actor-Critic Algorithms and Applications" (arXiv 1812.05905),
whose equation numbers are given. The minimum over two critics is from its section 5.
"""

from typing import Any

import jax
import jax.numpy as jnp


def td_target(
    reward: jax.Array,
    terminated: jax.Array,
    next_q: jax.Array,
    next_log_prob: jax.Array,
    alpha: jax.Array,
    discount: float,
) -> jax.Array:
    """Return the critics' targets (B,), without gradient (eqs. 2 and 3).

        V(s') = min_i Q_i(s', a') - alpha log pi(a'|s')        a' ~ pi(.|s')
        y     = r + gamma (1 - terminated) V(s')

    Args:
        reward: (B,).
        terminated: (B,), 0 or 1. A truncated episode goes on: s' is its final observation.
        next_q: (2, B), target critics at s' and a'.
        next_log_prob: (B,), log pi(a'|s').
        alpha: (), temperature.
        discount: gamma.
    """
    next_value = next_q.min(axis=0) - alpha * next_log_prob
    return jax.lax.stop_gradient(reward + discount * (1.0 - terminated) * next_value)


def critic_loss(q: jax.Array, target: jax.Array) -> jax.Array:
    """Compute sum_i mean (Q_i(s, a) - y)^2 / 2 for q (2, B) and targets (B,) (eq. 5)."""
    return 0.5 * jnp.square(q - target[None]).mean(axis=1).sum()


def policy_loss(q: jax.Array, log_prob: jax.Array, alpha: jax.Array) -> jax.Array:
    """Compute mean (alpha log pi(a|s) - min_i Q_i(s, a)), a = f(noise; s) (eq. 9).

    Args:
        q: (2, B), critics at s and a.
        log_prob: (B,).
        alpha: (), temperature; constant here.
    """
    return (alpha * log_prob - q.min(axis=0)).mean()


def temperature_loss(log_alpha: jax.Array, log_prob: jax.Array, target_entropy: float) -> jax.Array:
    """Compute mean -alpha (log pi(a|s) + target entropy), for log_prob (B,) (eq. 18)."""
    return -(jnp.exp(log_alpha) * (jax.lax.stop_gradient(log_prob) + target_entropy)).mean()


def follow(targets: Any, critics: Any, tau: float) -> Any:
    """Move the target critics' parameters towards the critics': (1 - tau) target + tau critic."""
    return jax.tree.map(lambda old, new: old + tau * (new - old), targets, critics)
