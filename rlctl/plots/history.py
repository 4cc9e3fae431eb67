"""History of a run: its metrics as arrays, from rows that may be old or incomplete.

Values that are not finite numbers become nan, which is never drawn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rlctl.core.metrics import Metrics

MAX_POINTS = 100  # of a curve: more only add noise, and size in an SVG
_MAX_VALUE = 1e100  # larger values overflow the axes
_METRICS = {  # name -> paths in a training row; the first that exists is used
    "return": (("return",),),
    "length": (("length",),),
    "speed": (("steps_per_second",),),
    "explained_variance": (("losses", "explained_variance"),),
    "kl": (("losses", "kl"), ("losses", "kl_mean")),  # TRPO, PPO
    "value_loss": (("losses", "v_loss"),),
}


@dataclass(frozen=True)
class Evaluation:
    """One evaluation; values missing in its row are nan.

    Attributes:
        steps: Environment steps trained before it.
        seconds: Wall time of the training before it.
        episodes: Number of episodes.
        mean: Mean return.
        std: Standard deviation of the returns.
        low: Lower end of the 95 % interval of the mean.
        high: Upper end.
        worst: Smallest return.
        best: Largest return.
        length: Mean length of an episode, steps.
        terminated: Fraction of the episodes that ended before their time limit.
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
    """Metrics of a training over N updates.

    Attributes:
        steps: Environment steps at the end of each update, (N,).
        seconds: Wall time of the training at the end of each update, (N,).
        episodes: Number of episodes that ended in the update, (N,).
        metrics: Return, length, speed (steps per second), explained variance, KL and value loss by
            name, each (N,): means over the update's episodes or minibatches.
        return_std: Standard deviation of the returns, (N,).
        terms: Reward terms by name, (N,): sums over an episode, averaged over episodes.
        evaluations: The evaluations in order.
        total: Environment steps of the whole training, nan if unknown.
        target: Target return, nan without one.
        full_length_from: Environment steps from which on episode lengths are meaningful. The
            first episodes are truncated early, to stagger the environments.
    """

    steps: np.ndarray
    seconds: np.ndarray
    episodes: np.ndarray
    metrics: dict[str, np.ndarray]
    return_std: np.ndarray
    terms: dict[str, np.ndarray]
    evaluations: tuple[Evaluation, ...]
    total: float
    target: float = math.nan
    full_length_from: float = 0.0

    @property
    def empty(self) -> bool:
        """True if there is nothing to draw."""
        return not len(self.steps) and not self.evaluations

    @property
    def best(self) -> Evaluation | None:
        """The first evaluation of the highest mean return, None without any."""
        finite = [row for row in self.evaluations if math.isfinite(row.mean)]
        return max(finite, key=lambda row: row.mean, default=None)

    def last(self, name: str) -> float:
        """Return the last finite value of a metric, nan without one."""
        values = self.metrics[name]
        finite = values[np.isfinite(values)]
        return float(finite[-1]) if len(finite) else math.nan


def read_history(folder: Path, settings: Any = None) -> History:
    """Read the history of a run; it is empty if the run has no metrics.

    Args:
        folder: The run's folder.
        settings: The settings in its `config.json`, None if unknown.

    Raises:
        OSError: The file cannot be read.
    """
    rows = list(Metrics(folder / "metrics.jsonl").rows())
    rows = [row for row in rows if math.isfinite(_number_at(row, "steps"))]
    train = [row for row in rows if row.get("kind") == "train"]
    steps, seconds = _column(train, ("steps",)), _column(train, ("seconds",))
    returns = _column(train, ("return",))
    evaluations = [_evaluation(row, steps, seconds) for row in rows if row.get("kind") == "eval"]
    return History(
        steps=steps,
        seconds=seconds,
        episodes=_episodes_per_update(_column(train, ("episodes",)), returns),
        metrics={name: _column(train, *paths) for name, paths in _METRICS.items()},
        return_std=_column(train, ("return_std",)),
        terms={name: _column(train, ("terms", name)) for name in _term_names(train)},
        evaluations=tuple(evaluations),
        total=_number_at(train[-1], "total") if train else math.nan,
        target=_number_at(settings, "train", "target_return"),
        full_length_from=_full_length_from(settings),
    )


def pool(history: History, points: int = MAX_POINTS) -> History:
    """Pool neighbouring updates, so that at most `points` are left.

    Returns, lengths and terms are averaged over all episodes of the pooled updates, so that terms
    still add up to the return. The standard deviation is that of all their returns.
    """
    group = max(1, math.ceil(len(history.steps) / points))
    starts = np.arange(0, len(history.steps), group)
    equal, episodes = np.ones(len(history.steps)), history.episodes  # weights
    by_episode = ("return", "length")
    returns = history.metrics["return"]
    mean = _mean(returns, episodes, starts)
    # E[x^2] = Var + E[x]^2 within each update, so the pooled Var = E[x^2] - E[x]^2.
    squares = _mean(history.return_std**2 + returns**2, episodes, starts)
    lacks_std = np.isfinite(returns) & ~np.isfinite(history.return_std)  # rows of old versions
    std = np.sqrt(np.maximum(squares - mean**2, 0.0))
    return replace(
        history,
        steps=_mean(history.steps, equal, starts),
        seconds=_mean(history.seconds, equal, starts),
        episodes=np.add.reduceat(episodes, starts),
        metrics={
            name: _mean(values, episodes if name in by_episode else equal, starts)
            for name, values in history.metrics.items()
        },
        return_std=np.where(np.add.reduceat(lacks_std, starts) > 0, np.nan, std),
        terms={name: _mean(values, episodes, starts) for name, values in history.terms.items()},
    )


def _full_length_from(settings: Any) -> float:
    """Return the steps in which every environment finishes one full episode; 0 if unknown."""
    steps = _number_at(settings, "train", "episode_length") * _number_at(
        settings, "train", "num_envs"
    )
    return steps if math.isfinite(steps) else 0.0


def _mean(values: np.ndarray, weights: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return weighted means (G,) of the finite values (N,), in groups that begin at starts (G,)."""
    weights = np.where(np.isfinite(values), weights, 0.0)
    total = np.add.reduceat(weights, starts)
    sums = np.add.reduceat(weights * np.nan_to_num(values), starts)
    return np.divide(sums, total, out=np.full(len(starts), np.nan), where=total > 0)


def _episodes_per_update(total: np.ndarray, returns: np.ndarray) -> np.ndarray:
    """Return the episodes that ended in each update, (N,), from the running total (N,).

    An update with a return had at least one, even if the total is missing.
    """
    ended = np.nan_to_num(np.diff(total, prepend=0.0))
    return np.maximum(ended, np.isfinite(returns))


def _evaluation(row: dict[str, Any], steps: np.ndarray, seconds: np.ndarray) -> Evaluation:
    """Build an evaluation from its row.

    Its time is interpolated from the `steps` and `seconds` (N,) of the training's rows, because
    old versions wrote the duration of the evaluation instead.
    """
    at, finite = _number_at(row, "steps"), np.isfinite(seconds)
    return Evaluation(
        steps=at,
        seconds=(
            float(np.interp(at, steps[finite], seconds[finite]))
            if finite.any()
            else _number_at(row, "seconds")
        ),
        episodes=_number_at(row, "episodes"),
        mean=_number_at(row, "return", "mean"),
        std=_number_at(row, "return", "std"),
        low=_number_at(row, "return", "ci95", 0),
        high=_number_at(row, "return", "ci95", 1),
        worst=_number_at(row, "return", "min"),
        best=_number_at(row, "return", "max"),
        length=_number_at(row, "length", "mean"),
        terminated=_number_at(row, "terminated"),
    )


def _term_names(rows: Sequence[dict[str, Any]]) -> list[str]:
    all_terms = [row["terms"] for row in rows if isinstance(row.get("terms"), dict)]
    return list(dict.fromkeys(name for terms in all_terms for name in terms))


def _column(rows: Sequence[dict[str, Any]], *paths: tuple[str, ...]) -> np.ndarray:
    """Return a metric of every row, (N,), from the first of the paths that has a number."""
    values = [[_number_at(row, *path) for path in paths] for row in rows]
    return np.array([next(filter(math.isfinite, row), math.nan) for row in values], float)


def _number_at(value: Any, *path: str | int) -> float:
    """Return the number at a path into JSON, nan if there is none that can be drawn."""
    try:
        for key in path:
            value = value[key]
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (LookupError, TypeError, OverflowError):
        return math.nan
    return number if abs(number) <= _MAX_VALUE else math.nan
