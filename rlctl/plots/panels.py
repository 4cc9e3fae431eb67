"""What a figure of learning curves shows: panels of series, as arrays, not drawn yet."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rlctl.plots.history import History

LAYERS = 7  # of reward terms that get a colour of their own; the rest are one layer
_LABELS = {
    "return": "return",
    "length": "episode length (steps)",
    "speed": "steps per second so far",
    "explained_variance": "explained variance",
    "kl": "KL divergence (nats)",
    "value_loss": "value loss",
}


@dataclass(frozen=True)
class Series:
    """One curve of P points.

    Attributes:
        label: Whose it is, or which term.
        run: Which of the runs, from 0.
        x: Where, (P,), as the figure's x axis says.
        y: What, (P,), all finite.
        low: Lower end of a band or of error bars, (P,); nan where there is none. None: nowhere.
        high: Upper end.
        evaluation: Whether these are evaluations, drawn as points.
    """

    label: str
    run: int
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    evaluation: bool = False


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        name: `return`, `length`, `terms`, `speed`, `explained_variance`, `kl` or `value_loss`.
        label: Of its y axis.
        series: Its curves.
        layers: Parts of the first curve, to be stacked: what is positive upwards from 0, what is
            negative downwards.
        note: What one should know to read it.
        target: Where a training ends, nan without such a value.
    """

    name: str
    label: str
    series: tuple[Series, ...]
    layers: tuple[Series, ...] = ()
    note: str = ""
    target: float = math.nan


@dataclass(frozen=True)
class Axis:
    """The x axis: `steps`, or `seconds` in some unit.

    Attributes:
        of: Which of the two.
        label: With its unit.
        unit: Steps or seconds in one unit.
        end: Where it ends, in that unit.
    """

    of: str
    label: str
    unit: float
    end: float


def axis(histories: Sequence[History], x: str) -> Axis:
    """The x axis that fits the histories; `x` is `steps` or `time`."""
    of = "steps" if x == "steps" else "seconds"
    ends = [getattr(found, of)[-1:].tolist() for found in histories]
    ends += [[getattr(row, of) for row in found.evaluations] for found in histories]
    end = max((value for part in ends for value in part if np.isfinite(value)), default=0.0)
    if of == "steps":
        return Axis(of, "environment steps", 1.0, end)
    name, unit = next(
        (name, unit)
        for name, unit, most in (("s", 1, 180), ("min", 60, 10_800), ("h", 3600, np.inf))
        if end <= most
    )
    return Axis(of, f"wall time ({name})", float(unit), end / unit)


def panels(histories: Sequence[History], labels: Sequence[str], along: Axis) -> list[Panel]:
    """The panels that have something to show, in reading order.

    Returns:
        Return and length with the evaluations; the reward terms of a run alone; then how the
        learning goes.
    """
    found = []
    for name, label in _LABELS.items():
        drawn = [
            part
            for run, history in enumerate(histories)
            for part in _series(history, name, labels[run], run, along)
            if len(part.y)
        ]
        if drawn:
            found.append(Panel(name, label, tuple(drawn)))
            if name == "return":
                targets = {history.target for history in histories}
                target = targets.pop() if len(targets) == 1 else math.nan
                found[-1] = replace(found[-1], note=_lengths(histories), target=target)
    if len(histories) == 1 and (terms := _terms(histories[0], along)):
        place = sum(panel.name in ("return", "length") for panel in found)
        found.insert(place, terms)
    return found


def _series(history: History, name: str, label: str, run: int, along: Axis) -> list[Series]:
    """The curve of a figure, and its evaluations where they tell it."""
    x, y = getattr(history, along.of) / along.unit, history.figures[name]
    below = above = None
    if name == "return":
        below = above = history.spread
        if _least(history) >= 0:  # no return is negative, so the band is not either
            below = np.minimum(below, y)
    elif name == "length":
        whole = history.steps >= history.whole_from
        y = np.where(whole | ~whole.any(), y, np.nan)
    curves = [_known(label, run, x, y, below, above)]
    told = {"return": "mean", "length": "length"}.get(name)
    if told:
        rows = history.evaluations
        at = np.array([getattr(row, along.of) for row in rows], float) / along.unit
        mean = np.array([getattr(row, told) for row in rows], float)
        below = above = None
        if name == "return":
            below = mean - np.array([row.low for row in rows], float)
            above = np.array([row.high for row in rows], float) - mean
        curves.append(_known(label, run, at, mean, below, above, evaluation=True))
    return curves


def _least(history: History) -> float:
    """The smallest return that is known, inf where none is."""
    known = [*history.figures["return"], *(row.worst for row in history.evaluations)]
    return min((value for value in known if math.isfinite(value)), default=math.inf)


def _lengths(histories: Sequence[History]) -> str:
    """A word where training and evaluations have episodes of different length."""
    for history in histories:
        trained = history.last("length")
        evaluated = [row.length for row in history.evaluations if math.isfinite(row.length)]
        if evaluated and abs(evaluated[-1] - trained) > 0.1 * evaluated[-1]:
            return f"training episodes: {trained:,.0f} steps; evaluations: {evaluated[-1]:,.0f}"
    return ""


def _known(
    label: str,
    run: int,
    x: np.ndarray,
    y: np.ndarray,
    below: np.ndarray | None = None,
    above: np.ndarray | None = None,
    evaluation: bool = False,
) -> Series:
    """A curve of the points (P,) that are known; `below` and `above` say how far around it."""
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    low = high = None
    if below is not None and np.isfinite(below[known]).any():
        low, high = y - below[known], y + above[known]
    return Series(label, run, x, y, low, high, evaluation)


def _terms(history: History, along: Axis) -> Panel | None:
    """The terms of a run's reward as layers, the largest first, and the return they make up."""
    known = np.isfinite(history.figures["return"]) & np.isfinite(getattr(history, along.of))
    values = {name: np.nan_to_num(term[known]) for name, term in history.terms.items()}
    values = {name: term for name, term in values.items() if term.any()}
    if not values or known.sum() < 2:  # an area needs two edges
        return None
    x = getattr(history, along.of)[known] / along.unit
    names = sorted(values, key=lambda name: -np.abs(values[name]).mean())
    if len(names) > LAYERS + 1:
        rest = names[LAYERS:]
        values[f"{len(rest)} others"] = np.sum([values[name] for name in rest], axis=0)
        names = [*names[:LAYERS], f"{len(rest)} others"]
    layers = tuple(Series(name, 0, x, values[name]) for name in names)
    total = Series("return", 0, x, history.figures["return"][known])
    return Panel("terms", "reward terms per episode", (total,), layers)
