"""The statistics of a benchmark: what a training came to, and what several of them say.

Shapes: S seeds. Returns are raw: sums of the environment's own rewards, never scaled.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

LAST_EPISODES = 100
CONFIDENCE = 0.95
_RESAMPLES = 20_000
_SEED = 20_210_830  # of the resampling, so that the same scores give the same interval


@dataclass(frozen=True)
class Sample:
    """Mean and standard deviation (of the sample, n - 1) of `count` numbers; None of too few."""

    mean: float | None
    std: float | None
    count: int


@dataclass(frozen=True)
class Scores:
    """What S seeds say about one environment.

    Attributes:
        values: The S scores.
        mean: Their mean.
        std: Their standard deviation (n - 1), None of one.
        iqm: Their interquartile mean.
        ci95: Ends of its 95 % bootstrap interval.
    """

    values: tuple[float, ...]
    mean: float
    std: float | None
    iqm: float
    ci95: tuple[float, float]


def last_episodes(rows: Iterable[dict[str, Any]], wanted: int = LAST_EPISODES) -> Sample:
    """Return of the last episodes of a training, whole updates, at least `wanted` if there are.

    Args:
        rows: Rows of metrics.jsonl of kind `train`, in order: `episodes` counts all so far,
            `return` is the mean over those that ended in the update, `return_std` (n) their spread.
        wanted: Episodes.

    Returns:
        Their mean, their spread where every row tells its own, and how many they are.
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
    if total == 1 or any(std is None for _, _, std in parts):
        return Sample(mean, None, total)
    squares = sum(n * (std**2 + (part - mean) ** 2) for n, part, std in parts)
    return Sample(mean, math.sqrt(squares / (total - 1)), total)


def curve(rows: Iterable[dict[str, Any]], steps: int, points: int = 100) -> list[float | None]:
    """Mean return of the episodes that ended in each of `points` equal parts of the training.

    Args:
        rows: As in `last_episodes`, with `steps`.
        steps: Steps of the whole training.
        points: How many parts.

    Returns:
        A mean for every part, None where no episode ended.
    """
    sums, counts = np.zeros(points), np.zeros(points)
    for count, row in _counted(rows):
        part = min(max(math.ceil(row["steps"] * points / steps) - 1, 0), points - 1)
        sums[part] += count * row["return"]
        counts[part] += count
    return [float(s / n) if n else None for s, n in zip(sums, counts, strict=True)]


def summarize(values: Sequence[float]) -> Scores:
    """What S >= 1 scores say."""
    array = np.asarray(values, float)
    low, high = interval(resampled([array]))
    return Scores(
        values=tuple(map(float, array)),
        mean=float(array.mean()),
        std=float(array.std(ddof=1)) if len(array) > 1 else None,
        iqm=interquartile_mean(array),
        ci95=(low, high),
    )


def interquartile_mean(scores: np.ndarray) -> float:
    """Mean of the middle half of all scores, whichever shape they have.

    Of n sorted scores floor(n / 4) are left out at either end (Agarwal et al. 2021, section 4.3).
    """
    return float(_trimmed_mean(np.asarray(scores).reshape(1, -1))[0])


def resampled(strata: Sequence[np.ndarray], seed: int = _SEED) -> np.ndarray:
    """Interquartile means of stratified bootstrap samples, (B,).

    Every stratum (a task: its scores, (S_i,)) is drawn anew with replacement, as large as it is,
    and all draws are averaged together (Agarwal et al. 2021, section 4.1).
    """
    rng = np.random.default_rng(seed)
    draws = [x[rng.integers(len(x), size=(_RESAMPLES, len(x)))] for x in map(np.asarray, strata)]
    return _trimmed_mean(np.concatenate(draws, axis=1))


def interval(samples: np.ndarray, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The percentile interval of bootstrap samples (B,)."""
    outside = 50.0 * (1.0 - confidence)
    low, high = np.percentile(samples, [outside, 100.0 - outside])
    return float(low), float(high)


def difference(new: Sequence[float], old: Sequence[float]) -> tuple[float, float]:
    """The 95 % bootstrap interval of the interquartile mean of `new` less that of `old`."""
    first, second = np.asarray(new, float), np.asarray(old, float)
    return interval(resampled([first], _SEED) - resampled([second], _SEED + 1))


def _trimmed_mean(samples: np.ndarray) -> np.ndarray:
    """Interquartile mean of every row, (B, n) -> (B,)."""
    n = samples.shape[1]
    cut = n // 4
    return np.sort(samples, axis=1)[:, cut : n - cut].mean(axis=1)


def _counted(rows: Iterable[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """The rows in which episodes ended, with how many did."""
    counted, before = [], 0
    for row in rows:
        count, before = row["episodes"] - before, row["episodes"]
        if count > 0 and row.get("return") is not None:
            counted.append((count, row))
    return counted
