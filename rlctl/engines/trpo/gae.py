"""Generalised advantage estimation (Schulman et al. 2016, arXiv 1506.02438), in numpy.

Shapes: T time, N environments.
"""

import numpy as np


def gae(
    reward: np.ndarray,
    terminated: np.ndarray,
    truncated: np.ndarray,
    value: np.ndarray,
    next_value: np.ndarray,
    discount: float,
    lambda_: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute advantages and value targets.

        delta_t = r_t + gamma V(s_{t+1}) - V(s_t)                            (eq. 10)
        A_t     = delta_t + gamma lambda A_{t+1}                             (eq. 16)
        target  = A_t + V(s_t)

    V(s_{t+1}) is 0 after a termination. Termination and truncation both end the sum over future
    steps; after a truncation the value of the final observation replaces the rest.

    Args:
        reward: (T, N).
        terminated: (T, N) bool, the environment ended the episode.
        truncated: (T, N) bool, the time limit ended it.
        value: (T, N), V(s_t).
        next_value: (T, N), V of the observation after the step, before any reset.
        discount: gamma.
        lambda_: 0 for one-step, 1 for n-step returns.

    Returns:
        The advantages and the targets, (T, N) float32 each.
    """
    delta = reward + discount * np.where(terminated, 0.0, next_value) - value
    decay = np.where(terminated | truncated, 0.0, discount * lambda_)
    advantage = np.zeros_like(delta)
    later = np.zeros(delta.shape[1])
    for t in reversed(range(len(delta))):
        later = delta[t] + decay[t] * later
        advantage[t] = later
    return advantage.astype(np.float32), (advantage + value).astype(np.float32)
