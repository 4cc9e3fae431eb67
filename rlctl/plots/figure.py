"""Panels, drawn: return and reward terms large, length and speed beside them, learning below."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from rlctl.plots import style
from rlctl.plots.panels import Axis, Panel, Series

_LARGE, _BESIDE = ("return", "terms"), ("length", "speed")
_FEW = 4  # runs whose bands can be told apart; more are drawn without
_DASHES = ("-", "--", ":", "-.")  # once the colours are used up
_ROUND = (1, 2, 2.5, 5, 10)  # what ticks are multiples of
POINTED = "value:"  # how the names of points in an SVG begin, before x:y
_WINDOW, _NOISY = 9, 4.0  # points that are averaged; ups and downs of a curve, in its ranges
_COLUMNS = 4  # of a legend
_GOLD = "#f2b705"
_LOWEST_EXPLAINED = -1.0  # below, the value function is worse than useless, however much


def draw(panels: Sequence[Panel], labels: Sequence[str], title: str, along: Axis) -> Any:
    """A figure of the panels, one at least.

    Args:
        panels: See `rlctl.plots.panels.panels`.
        labels: Of the runs.
        title: What the figure is of; empty to leave it out.
        along: The x axis.
    """
    large = [panel for panel in panels if panel.name in _LARGE]
    beside = [panel for panel in panels if panel.name in _BESIDE]
    below = [panel for panel in panels if panel not in large and panel not in beside]
    rows = math.ceil((len(labels) + 4) / _COLUMNS)
    heights = [2.35 * max(len(large), len(beside) if large else 1)] * bool(large or beside)
    heights[:1] = [height + 0.17 * rows for height in heights[:1]]
    heights += [2.1] * bool(below)
    figure = style.canvas(10.0, sum(heights) + 0.35, dpi=160)
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.06)
    if title:
        figure.suptitle(textwrap.fill(title, 110), color=style.INK, fontsize=13, weight="bold")
    rows = iter(figure.add_gridspec(len(heights), 1, height_ratios=heights))
    if large or beside:
        top = next(rows)
        if large and beside:
            left, right = top.subgridspec(1, 2, width_ratios=(1.9, 1.0))
            places = [*left.subgridspec(len(large), 1), *right.subgridspec(len(beside), 1)]
        else:
            places = [*top.subgridspec(len(large) or 1, len(beside) or 1)]
        for panel, place in zip([*large, *beside], places, strict=True):
            _draw(figure.add_subplot(place), panel, labels, along)
    if below:
        for panel, place in zip(below, next(rows).subgridspec(1, len(below)), strict=True):
            _draw(figure.add_subplot(place), panel, labels, along)
    return figure


def look(run: int) -> tuple[str, str]:
    """The colour and the dashes of a run's curves."""
    turns, color = divmod(run, len(style.COLORS))
    return style.COLORS[color], _DASHES[turns % len(_DASHES)]


def _draw(panel: Any, shown: Panel, labels: Sequence[str], along: Axis) -> None:
    from matplotlib.ticker import MaxNLocator

    style.tidy(panel, along.label)
    panel.set_ylabel(shown.label, color=style.INK, fontsize=9)
    panel.yaxis.set_major_formatter(style.short)
    panel.xaxis.set_major_locator(MaxNLocator(8 if shown.name in _LARGE else 4, steps=_ROUND))
    panel.yaxis.set_major_locator(MaxNLocator(6, steps=_ROUND))
    panel.set_xlim(0, along.end or 1)
    if shown.layers:
        _draw_layers(panel, shown)
        return
    bands = len(labels) <= _FEW
    for series in shown.series:
        _draw_series(panel, series, bands)
    _limit(panel, shown)
    if shown.name == "return":
        if math.isfinite(shown.target):
            panel.axhline(shown.target, color=style.INK, linewidth=1.0, linestyle=(0, (5, 4)))
        _star(panel, shown)
        _legend(panel, *_entries(shown, labels, bands))
    if shown.note:
        place = {"transform": panel.transAxes, "ha": "right", "va": "bottom"}
        panel.text(0.995, 0.03, shown.note, color=style.REST, fontsize=7.5, **place)


def _draw_series(panel: Any, series: Series, bands: bool) -> None:
    color, dashes = look(series.run)
    if series.evaluation:
        bars = None
        if series.low is not None:
            bars = np.nan_to_num([series.y - series.low, series.high - series.y]).clip(0)
        panel.errorbar(
            series.x, series.y, bars, fmt="o", color=color, markersize=4.5, elinewidth=1.2,
            markeredgecolor="white", markeredgewidth=0.7, zorder=4, clip_on=False,
        )  # fmt: skip
        for x, y in zip(series.x, series.y, strict=True):  # what the page tells when pointed at
            panel.plot([x], [y], "o", alpha=0.0, markersize=10, gid=f"{POINTED}{x:g}:{y:.5g}")
        return
    if series.low is not None and bands:
        panel.fill_between(series.x, series.low, series.high, color=color, alpha=0.18, linewidth=0)
    dot = "." if len(series.x) == 1 else ""  # a line of one point cannot be seen
    smooth = _smoothed(series.y)
    panel.plot(
        series.x,
        series.y,
        color=color,
        linestyle=dashes,
        linewidth=1.4 if smooth is None else 0.8,
        alpha=1.0 if smooth is None else 0.35,
        marker=dot,
        clip_on=not dot,
    )
    if smooth is not None:
        panel.plot(series.x, smooth, color=color, linestyle=dashes, linewidth=1.6)


def _smoothed(y: np.ndarray) -> np.ndarray | None:
    """Moving means of a curve (P,), None where it is smooth enough or short."""
    if len(y) < 2 * _WINDOW or np.abs(np.diff(y)).sum() < _NOISY * np.ptp(y):
        return None
    weights = np.ones(_WINDOW)
    counts = np.convolve(np.ones_like(y), weights, "same")  # fewer at the ends
    return np.convolve(y, weights, "same") / counts


def _star(panel: Any, shown: Panel) -> None:
    """Mark the best evaluation."""
    points = [(y, x) for part in shown.series if part.evaluation for x, y in zip(part.x, part.y)]  # noqa: B905
    if points:
        y, x = max(points, key=lambda point: point[0])
        panel.plot([x], [y], "*", color=_GOLD, markersize=13, markeredgecolor=style.INK,
                   markeredgewidth=0.7, zorder=5, clip_on=False)  # fmt: skip


def _draw_layers(panel: Any, shown: Panel) -> None:
    """Stack the layers away from 0; one that changes its sign is drawn on both sides."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    total, colors = shown.series[0], _layer_colors(len(shown.layers))
    for side in (np.maximum, np.minimum):
        edge = np.zeros_like(total.y)
        for layer, color in zip(shown.layers, colors, strict=True):
            top = edge + side(layer.y, 0.0)
            panel.fill_between(total.x, edge, top, color=color, alpha=0.85, linewidth=0)
            edge = top
    panel.plot(total.x, total.y, color=style.INK, linewidth=1.2)
    panel.axhline(0.0, color=style.INK, linewidth=0.6)
    handles = [Line2D([], [], color=style.INK, linewidth=1.2)]
    handles += [Patch(color=color, alpha=0.85) for color in colors]
    _legend(panel, handles, ["return", *(layer.label for layer in shown.layers)])


def _layer_colors(count: int) -> list[str]:
    """A colour for each layer; black is the return's, the last grey is for what is left over."""
    return [*style.COLORS[:-1], style.YELLOW, style.REST][:count]


def _limit(panel: Any, shown: Panel) -> None:
    """Limits and scale of the y axis."""
    every = np.concatenate([series.y for series in shown.series])
    if shown.name == "explained_variance":
        panel.set_ylim(max(_LOWEST_EXPLAINED, min(0.0, every.min())) - 0.03, 1.03)
    elif every.min() > 0 and (
        shown.name == "value_loss" or (shown.name == "kl" and every.max() > 30 * np.median(every))
    ):
        _logarithmic(panel, math.log10(every.max() / every.min()))
    elif shown.name != "return" and every.min() >= 0:
        panel.set_ylim(0.0, 1.08 * every.max() or 1.0)


def _logarithmic(panel: Any, decades: float) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    panel.set_yscale("log")
    marked = (1, 2, 5) if decades < 1.5 else (1,)
    panel.yaxis.set_major_locator(LogLocator(subs=marked, numticks=8))
    panel.yaxis.set_major_formatter(style.short)
    panel.yaxis.set_minor_formatter(NullFormatter())


def _entries(shown: Panel, labels: Sequence[str], bands: bool) -> tuple[list[Any], list[str]]:
    """What the legend of the returns says: which run, and what bands, bars and marks mean."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    series, alone = shown.series, len(labels) == 1
    neutral = style.LINE if alone else style.REST
    entries: list[tuple[Any, str]] = []
    if not alone:
        for run, label in enumerate(_wrapped(labels)):
            color, dashes = look(run)
            entries.append((Line2D([], [], color=color, linestyle=dashes, linewidth=1.6), label))
    elif any(not found.evaluation for found in series):
        entries.append((Line2D([], [], color=neutral, linewidth=1.6), "training"))
    if bands and any(found.low is not None and not found.evaluation for found in series):
        entries.append((Patch(color=neutral, alpha=0.25), "episodes, ±1 std"))
    if any(found.evaluation for found in series):
        point = Line2D([], [], color=neutral, linestyle="", marker="o", markersize=4.5)
        entries.append((point, "evaluation, 95 % interval"))
        star = Line2D([], [], color=_GOLD, linestyle="", marker="*", markersize=9)
        entries.append((star, "best evaluation"))
    if math.isfinite(shown.target):
        line = Line2D([], [], color=style.INK, linewidth=1.0, linestyle=(0, (5, 4)))
        entries.append((line, f"target {shown.target:,.6g}"))
    return [handle for handle, _ in entries], [label for _, label in entries]


def _legend(panel: Any, handles: list[Any], labels: list[str]) -> None:
    """A legend above a panel, where it hides nothing."""
    shown = [
        f" {label}" if label.startswith("_") else label for label in labels
    ]  # not to be left out
    panel.legend(
        handles, shown, loc="lower left", bbox_to_anchor=(0.0, 1.0), fontsize=7.5, frameon=False,
        labelcolor=style.INK, handlelength=1.4, borderpad=0.2, ncols=_COLUMNS, columnspacing=1.4,
        borderaxespad=0.2,
    )  # fmt: skip


def _wrapped(labels: Sequence[str]) -> list[str]:
    return ["\n".join(textwrap.wrap(label, 26)) or label for label in labels]
