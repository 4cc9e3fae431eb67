"""Running mean and standard deviation of observations, as in Brax's running_statistics (Welford).

Written with operators only, so the same functions serve numpy and jax arrays. Shapes: B any batch
axes, O observation.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

STD_MIN, STD_MAX = 1e-6, 1e6


class Normalizer(NamedTuple):
    """Running statistics of observations.

    Attributes:
        count: () float32, number of observations.
        mean: (O,).
        summed_variance: (O,), sum of squared deviations from the mean.
        std: (O,), the divisor of observations: their standard deviation over the weight.
        weight: (O,) or (), the standard deviation of normalised observations; Brax's is 1.
    """

    count: Any
    mean: Any
    summed_variance: Any
    std: Any
    weight: Any = np.float32(1.0)


def init(weight: np.ndarray) -> Normalizer:
    """Return statistics without data, for observations with these weights (O,)."""
    zeros = np.zeros_like(weight)
    return Normalizer(np.float32(0.0), zeros, zeros, 1.0 / weight, weight)


def update(state: Normalizer, batch: Any, total: Callable[[Any], Any] = lambda x: x) -> Normalizer:
    """Return the statistics updated with a batch (*B, O).

        mean' = mean + sum(x - mean) / n'        M2' = M2 + sum((x - mean) (x - mean'))

    Source: Welford's update for batches; Brax running_statistics.update.

    Args:
        state: The statistics so far.
        batch: The observations, or a part of them.
        total: Returns the sum over all parts of the batch, for what is computed of one part.
    """
    batch = batch.reshape(-1, batch.shape[-1])
    count = state.count + total(batch.shape[0])
    from_old = batch - state.mean
    mean = state.mean + total(from_old.sum(axis=0)) / count
    summed_variance = state.summed_variance + total((from_old * (batch - mean)).sum(axis=0))
    return with_std(Normalizer(count, mean, summed_variance, state.std, state.weight))


def with_std(state: Normalizer) -> Normalizer:
    """Return the statistics with `std` recomputed from their other members."""
    # Rounding can make a sum of squares slightly negative.
    std = (state.summed_variance.clip(0.0) / state.count) ** 0.5
    return state._replace(std=std.clip(STD_MIN, STD_MAX) / state.weight)


def nonfinite(state: Normalizer) -> list[str]:
    """Return the checkpoint names of the statistics that are not finite."""
    names = ("mean", "summed_variance", "std")
    return [
        f"normalizer/{n}" for n in names if not np.isfinite(np.asarray(getattr(state, n))).all()
    ]


def normalize(mean: Any, std: Any, observation: Any, clip: float | None = None) -> Any:
    """Return (x - mean) / std, clipped to +-clip: observation (*B, O), mean and std (O,)."""
    normal = (observation - mean) / std
    return normal if clip is None else normal.clip(-clip, clip)
