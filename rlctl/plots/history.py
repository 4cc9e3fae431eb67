"""What a run's metrics say, as arrays, from rows that may be old, torn or not finite.

Everything that is not a finite number is nan here, and nothing downstream draws a nan.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rlctl.core.metrics import Metrics

POINTS = 100  # of a curve: more are noise to the eye, and weight in an SVG
_LARGEST = 1e100  # beyond it, axes overflow
_FIGURES = {  # name here -> where a training row has it, the first that is there
    "return": (("return",),),
    "length": (("length",),),
    "speed": (("steps_per_second",),),
    "explained_variance": (("losses", "explained_variance"),),
    "kl": (("losses", "kl"), ("losses", "kl_mean")),  # TRPO's and PPO's
    "value_loss": (("losses", "v_loss"),),
}


@dataclass(frozen=True)
class Evaluation:
    """One evaluation; what its row does not tell is nan.

    Attributes:
        steps: Environment steps trained before it.
        seconds: Wall time of the training before it.
        episodes: How many were played.
        mean: Mean return.
        std: Standard deviation of the returns.
        low: Lower end of the 95 % interval of the mean.
        high: Upper end.
        worst: Smallest return.
        best: Largest return.
        length: Mean length of an episode, steps.
        terminated: Share of the episodes that ended before their time limit.
    """

    steps: float
    seconds: float
    episodes: float
    mean: float
    std: float
    low: float
    high: float
    worst: float
    best: float
    length: float
    terminated: float


@dataclass(frozen=True)
class History:
    """A training over N updates.

    Attributes:
        steps: Environment steps at the end of each update, (N,).
        seconds: Wall time of the training by then, (N,).
        episodes: How many ended in the update, (N,).
        figures: Return, length, speed (steps per second), explained variance, KL and value loss by
            name, each (N,) and the mean over the update's episodes or minibatches.
        spread: Standard deviation of the returns, (N,).
        terms: Reward terms by name, sums over an episode, (N,) means over episodes.
        evaluations: In their order.
        total: Environment steps the training is to take in all, nan if not known.
        target: The return at which the training ends, nan without one.
        whole_from: Environment steps from which on lengths are those of whole episodes: the first
            ones are cut short, so that environments do not all begin together.
    """

    steps: np.ndarray
    seconds: np.ndarray
    episodes: np.ndarray
    figures: dict[str, np.ndarray]
    spread: np.ndarray
    terms: dict[str, np.ndarray]
    evaluations: tuple[Evaluation, ...]
    total: float
    target: float = math.nan
    whole_from: float = 0.0

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not len(self.steps) and not self.evaluations

    @property
    def best(self) -> Evaluation | None:
        """The evaluation of the highest mean return, the first of them; None without any."""
        known = [found for found in self.evaluations if math.isfinite(found.mean)]
        return max(known, key=lambda found: found.mean, default=None)

    def last(self, name: str) -> float:
        """The last known value of a figure, nan if there is none."""
        values = self.figures[name]
        known = values[np.isfinite(values)]
        return float(known[-1]) if len(known) else math.nan


def read(folder: Path, settings: Any = None) -> History:
    """The history of a run; empty where it has no metrics.

    Args:
        folder: The run's.
        settings: Those of its `config.json`, None where they are not known.

    Raises:
        OSError: The file cannot be read.
    """
    rows = list(Metrics(folder / "metrics.jsonl").rows())
    rows = [row for row in rows if math.isfinite(_at(row, "steps"))]
    train = [row for row in rows if row.get("kind") == "train"]
    steps, seconds = _column(train, ("steps",)), _column(train, ("seconds",))
    returns = _column(train, ("return",))
    evaluations = [_evaluation(row, steps, seconds) for row in rows if row.get("kind") == "eval"]
    return History(
        steps=steps,
        seconds=seconds,
        episodes=_ended(_column(train, ("episodes",)), returns),
        figures={name: _column(train, *paths) for name, paths in _FIGURES.items()},
        spread=_column(train, ("return_std",)),
        terms={name: _column(train, ("terms", name)) for name in _term_names(train)},
        evaluations=tuple(evaluations),
        total=_at(train[-1], "total") if train else math.nan,
        target=_at(settings, "train", "target_return"),
        whole_from=_whole_from(settings),
    )


def pooled(history: History, points: int = POINTS) -> History:
    """The history with neighbouring updates pooled, so that at most `points` are left.

    Returns, lengths and terms are means over all episodes of the pooled updates, and the spread is
    that of all their returns; so terms that add up to the return still do.
    """
    group = max(1, math.ceil(len(history.steps) / points))
    starts = np.arange(0, len(history.steps), group)
    once, episodes = np.ones(len(history.steps)), history.episodes
    by_episode = ("return", "length")
    returns = history.figures["return"]
    mean = _mean(returns, episodes, starts)
    squares = _mean(history.spread**2 + returns**2, episodes, starts)
    untold = np.isfinite(returns) & ~np.isfinite(history.spread)  # rows of older versions
    spread = np.sqrt(np.maximum(squares - mean**2, 0.0))
    return replace(
        history,
        steps=_mean(history.steps, once, starts),
        seconds=_mean(history.seconds, once, starts),
        episodes=np.add.reduceat(episodes, starts),
        figures={
            name: _mean(values, episodes if name in by_episode else once, starts)
            for name, values in history.figures.items()
        },
        spread=np.where(np.add.reduceat(untold, starts) > 0, np.nan, spread),
        terms={name: _mean(values, episodes, starts) for name, values in history.terms.items()},
    )


def _whole_from(settings: Any) -> float:
    """Steps in which every environment plays one whole episode; 0 where that is not known."""
    steps = _at(settings, "train", "episode_length") * _at(settings, "train", "num_envs")
    return steps if math.isfinite(steps) else 0.0


def _mean(values: np.ndarray, weights: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Weighted means (G,) of what is finite in values (N,), in groups that begin at starts (G,)."""
    weights = np.where(np.isfinite(values), weights, 0.0)
    total = np.add.reduceat(weights, starts)
    sums = np.add.reduceat(weights * np.nan_to_num(values), starts)
    return np.divide(sums, total, out=np.full(len(starts), np.nan), where=total > 0)


def _ended(counted: np.ndarray, returns: np.ndarray) -> np.ndarray:
    """Episodes that ended in each update, (N,), from the running count (N,).

    Where a return is told there was one at least, whatever the count says.
    """
    ended = np.nan_to_num(np.diff(counted, prepend=0.0))
    return np.maximum(ended, np.isfinite(returns))


def _evaluation(row: dict[str, Any], steps: np.ndarray, seconds: np.ndarray) -> Evaluation:
    """An evaluation from its row; `steps` and `seconds` (N,) are those of the training's rows.

    The time is the training's, as rows of older versions tell how long the evaluation took itself.
    """
    at, known = _at(row, "steps"), np.isfinite(seconds)
    return Evaluation(
        steps=at,
        seconds=(
            float(np.interp(at, steps[known], seconds[known]))
            if known.any()
            else _at(row, "seconds")
        ),
        episodes=_at(row, "episodes"),
        mean=_at(row, "return", "mean"),
        std=_at(row, "return", "std"),
        low=_at(row, "return", "ci95", 0),
        high=_at(row, "return", "ci95", 1),
        worst=_at(row, "return", "min"),
        best=_at(row, "return", "max"),
        length=_at(row, "length", "mean"),
        terminated=_at(row, "terminated"),
    )


def _term_names(rows: Sequence[dict[str, Any]]) -> list[str]:
    found = [row["terms"] for row in rows if isinstance(row.get("terms"), dict)]
    return list(dict.fromkeys(name for terms in found for name in terms))


def _column(rows: Sequence[dict[str, Any]], *paths: tuple[str, ...]) -> np.ndarray:
    """A figure of every row, (N,), from the first of the paths at which the row has one."""
    found = [[_at(row, *path) for path in paths] for row in rows]
    return np.array([next(filter(math.isfinite, row), math.nan) for row in found], float)


def _at(value: Any, *path: str | int) -> float:
    """The number at a path into JSON, nan where there is none that can be drawn."""
    try:
        for key in path:
            value = value[key]
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (LookupError, TypeError, OverflowError):
        return math.nan
    return number if abs(number) <= _LARGEST else math.nan
