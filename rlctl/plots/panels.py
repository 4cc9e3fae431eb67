"""Data of a learning curve figure: panels of series, as arrays."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rlctl.plots.history import History

MAX_LAYERS = 7  # reward terms with a layer each; the rest share one layer
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
        label: Label of the run, or name of the reward term.
        run: Index of the run, from 0.
        x: x values, (P,), in the unit of the x axis.
        y: y values, (P,), all finite.
        low: Lower end of a band or of error bars, (P,), nan where there is none; None without.
        high: Upper end, likewise.
        evaluation: Whether the points are evaluations, drawn as markers.
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
    """Data of one pair of axes.

    Attributes:
        name: `return`, `length`, `terms`, `speed`, `explained_variance`, `kl` or `value_loss`.
        label: Label of the y axis.
        series: Its curves.
        layers: Parts of the first curve, stacked from 0: positive values up, negative ones down.
        note: Note for the reader, empty without one.
        target: Target return, nan without one.
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
        quantity: `steps` or `seconds`.
        label: Label with its unit.
        unit: Steps or seconds per unit.
        end: Upper limit, in that unit.
    """

    quantity: str
    label: str
    unit: float
    end: float


def make_axis(histories: Sequence[History], x: str) -> Axis:
    """Make the x axis for the histories; `x` is `steps` or `time`."""
    quantity = "steps" if x == "steps" else "seconds"
    ends = [getattr(history, quantity)[-1:].tolist() for history in histories]
    ends += [[getattr(row, quantity) for row in history.evaluations] for history in histories]
    end = max((value for part in ends for value in part if np.isfinite(value)), default=0.0)
    if quantity == "steps":
        return Axis(quantity, "environment steps", 1.0, end)
    name, unit = next(
        (name, unit)
        for name, unit, most in (("s", 1, 180), ("min", 60, 10_800), ("h", 3600, np.inf))
        if end <= most
    )
    return Axis(quantity, f"wall time ({name})", float(unit), end / unit)


def make_panels(histories: Sequence[History], labels: Sequence[str], x_axis: Axis) -> list[Panel]:
    """Make the panels that have data, in reading order.

    Returns:
        Return and length with the evaluations; the reward terms of a single run; then speed and
        the losses.
    """
    panels = []
    for name, label in _LABELS.items():
        series = [
            part
            for run, history in enumerate(histories)
            for part in _series(history, name, labels[run], run, x_axis)
            if len(part.y)
        ]
        if series:
            panels.append(Panel(name, label, tuple(series)))
            if name == "return":
                targets = {history.target for history in histories}
                target = targets.pop() if len(targets) == 1 else math.nan
                panels[-1] = replace(panels[-1], note=_length_note(histories), target=target)
    if len(histories) == 1 and (terms := _terms(histories[0], x_axis)):
        place = sum(panel.name in ("return", "length") for panel in panels)
        panels.insert(place, terms)
    return panels


def _series(history: History, name: str, label: str, run: int, x_axis: Axis) -> list[Series]:
    """Make the curve of a metric, and the points of its evaluations."""
    x, y = getattr(history, x_axis.quantity) / x_axis.unit, history.metrics[name]
    band = None
    if name == "return":
        below = above = history.return_std
        if _min_return(history) >= 0:  # the band is not negative where no return is
            below = np.minimum(below, y)
        band = below, above
    elif name == "length":
        full = history.steps >= history.full_length_from
        y = np.where(full | ~full.any(), y, np.nan)
    curves = [_finite_series(label, run, x, y, band)]
    attribute = {"return": "mean", "length": "length"}.get(name)
    if attribute:
        rows = history.evaluations
        at = np.array([getattr(row, x_axis.quantity) for row in rows], float) / x_axis.unit
        mean = np.array([getattr(row, attribute) for row in rows], float)
        band = None
        if name == "return":
            below = mean - np.array([row.low for row in rows], float)
            band = below, np.array([row.high for row in rows], float) - mean
        curves.append(_finite_series(label, run, at, mean, band, evaluation=True))
    return curves


def _min_return(history: History) -> float:
    """Return the smallest known return, inf without any."""
    known = [*history.metrics["return"], *(row.worst for row in history.evaluations)]
    return min((value for value in known if math.isfinite(value)), default=math.inf)


def _length_note(histories: Sequence[History]) -> str:
    """Return a note if training and evaluation episodes differ in length, else ""."""
    for history in histories:
        trained = history.last("length")
        evaluated = [row.length for row in history.evaluations if math.isfinite(row.length)]
        if evaluated and abs(evaluated[-1] - trained) > 0.1 * evaluated[-1]:
            return f"training episodes: {trained:,.0f} steps; evaluations: {evaluated[-1]:,.0f}"
    return ""


def _finite_series(
    label: str,
    run: int,
    x: np.ndarray,
    y: np.ndarray,
    band: tuple[np.ndarray, np.ndarray] | None = None,
    evaluation: bool = False,
) -> Series:
    """Make a series of the finite points; a band (b, a) reaches from y - b to y + a."""
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    low = high = None
    if band is not None and np.isfinite(band[0][finite]).any():
        low, high = y - band[0][finite], y + band[1][finite]
    return Series(label, run, x, y, low, high, evaluation)


def _terms(history: History, x_axis: Axis) -> Panel | None:
    """Make the panel of the reward terms, largest first, and of the return, their sum."""
    known = np.isfinite(history.metrics["return"]) & np.isfinite(getattr(history, x_axis.quantity))
    values = {name: np.nan_to_num(term[known]) for name, term in history.terms.items()}
    values = {name: term for name, term in values.items() if term.any()}
    if not values or known.sum() < 2:  # an area needs two edges
        return None
    x = getattr(history, x_axis.quantity)[known] / x_axis.unit
    names = sorted(values, key=lambda name: -np.abs(values[name]).mean())
    if len(names) > MAX_LAYERS + 1:
        rest = names[MAX_LAYERS:]
        values[f"{len(rest)} others"] = np.sum([values[name] for name in rest], axis=0)
        names = [*names[:MAX_LAYERS], f"{len(rest)} others"]
    layers = tuple(Series(name, 0, x, values[name]) for name in names)
    total = Series("return", 0, x, history.metrics["return"][known])
    return Panel("terms", "reward terms per episode", (total,), layers)
