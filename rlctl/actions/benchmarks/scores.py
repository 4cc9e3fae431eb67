"""Statistics of a benchmark: the score of a training, and aggregates over seeds.

Shapes: S seeds, B bootstrap samples. Returns are sums of the environment's rewards, unscaled.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

LAST_EPISODES = 100
CONFIDENCE = 0.95
_RESAMPLES = 20_000
_SEED = 20_210_830  # fixed, so that the same scores give the same interval


@dataclass(frozen=True)
class Sample:
    """Mean and sample standard deviation (n - 1) of `count` numbers; None if there are too few."""

    mean: float | None
    std: float | None
    count: int


@dataclass(frozen=True)
class Scores:
    """Scores of S seeds on one environment.

    Attributes:
        values: The S scores.
        mean: Mean.
        std: Standard deviation (n - 1), None of one score.
        iqm: Interquartile mean.
        ci95: 95 % bootstrap interval of the interquartile mean.
    """

    values: tuple[float, ...]
    mean: float
    std: float | None
    iqm: float
    ci95: tuple[float, float]


def last_episodes(rows: Iterable[dict[str, Any]], wanted: int = LAST_EPISODES) -> Sample:
    """Average the return over the last updates with at least `wanted` episodes.

    Args:
        rows: Rows of metrics.jsonl of kind `train`, in order: `episodes` counts all so far,
            `return` is the mean over those that ended in the update, `return_std` (n) their
            standard deviation.
        wanted: Least number of episodes; all episodes if there are fewer.

    Returns:
        Mean, standard deviation (None if a row lacks its own) and number of episodes.
    """
    parts: list[tuple[int, float, float | None]] = []
    for count, row in reversed(_counted(rows)):
        parts.append((count, row["return"], row.get("return_std")))
        if sum(part[0] for part in parts) >= wanted:
            break
    total = sum(count for count, _, _ in parts)
    if not total:
        return Sample(None, None, 0)
    mean = sum(count * part for count, part, _ in parts) / total
    known = [(count, part, std) for count, part, std in parts if std is not None]
    if total == 1 or len(known) < len(parts):
        return Sample(mean, None, total)
    squares = sum(count * (std**2 + (part - mean) ** 2) for count, part, std in known)
    return Sample(mean, math.sqrt(squares / (total - 1)), total)


def curve(rows: Iterable[dict[str, Any]], steps: int, points: int = 100) -> list[float | None]:
    """Average the return over episodes that ended in each of `points` equal parts.

    Args:
        rows: As in `last_episodes`, with `steps`.
        steps: Steps of the whole training.
        points: Number of parts.

    Returns:
        The mean of every part, None where no episode ended.
    """
    sums, counts = np.zeros(points), np.zeros(points)
    for count, row in _counted(rows):
        part = min(max(math.ceil(row["steps"] * points / steps) - 1, 0), points - 1)
        sums[part] += count * row["return"]
        counts[part] += count
    return [float(s / n) if n else None for s, n in zip(sums, counts, strict=True)]


def summarize(values: Sequence[float]) -> Scores:
    """Aggregate S >= 1 scores."""
    array = np.asarray(values, float)
    low, high = interval(bootstrap([array]))
    return Scores(
        values=tuple(map(float, array)),
        mean=float(array.mean()),
        std=float(array.std(ddof=1)) if len(array) > 1 else None,
        iqm=interquartile_mean(array),
        ci95=(low, high),
    )


def interquartile_mean(scores: np.ndarray) -> float:
    """Average the middle half of all scores, of any shape.

    Of n sorted scores floor(n / 4) are dropped at each end (Agarwal et al. 2021, section 4.3).
    """
    return float(_trimmed_mean(np.asarray(scores).reshape(1, -1))[0])


def bootstrap(strata: Sequence[np.ndarray], seed: int = _SEED) -> np.ndarray:
    """Return interquartile means of stratified bootstrap samples, (B,).

    Every stratum (the scores of a task, (S_i,)) is resampled with replacement to its own size;
    the mean is over all strata together (Agarwal et al. 2021, section 4.1).
    """
    rng = np.random.default_rng(seed)
    samples = [x[rng.integers(len(x), size=(_RESAMPLES, len(x)))] for x in map(np.asarray, strata)]
    return _trimmed_mean(np.concatenate(samples, axis=1))


def interval(samples: np.ndarray, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the percentile interval of bootstrap samples (B,)."""
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(samples, [tail, 100.0 - tail])
    return float(low), float(high)


def difference(new: Sequence[float], old: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of IQM(new) - IQM(old)."""
    first, second = np.asarray(new, float), np.asarray(old, float)
    # Two seeds: with one, equal samples would be resampled alike and differ by exactly 0.
    return interval(bootstrap([first], _SEED) - bootstrap([second], _SEED + 1))


def _trimmed_mean(samples: np.ndarray) -> np.ndarray:
    """Return the interquartile mean of every row, (B, n) -> (B,)."""
    n = samples.shape[1]
    cut = n // 4
    return np.sort(samples, axis=1)[:, cut : n - cut].mean(axis=1)


def _counted(rows: Iterable[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """Return the rows in which episodes ended, with their number."""
    counted, before = [], 0
    for row in rows:
        count, before = row["episodes"] - before, row["episodes"]
        if count > 0 and row.get("return") is not None:
            counted.append((count, row))
    return counted
