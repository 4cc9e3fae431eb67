"""Drawing of learning curves: return and terms large, length and speed right, losses below."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from rlctl.plots import style
from rlctl.plots.panels import Axis, Panel, Series

_LARGE, _RIGHT = ("return", "terms"), ("length", "speed")
_MAX_BANDS = 4  # runs drawn with bands; more bands would hide each other
Dashes = Literal["-", "--", ":", "-."]
_DASHES: tuple[Dashes, ...] = ("-", "--", ":", "-.")  # the next one after all colours are used
_TICK_STEPS = (1, 2, 2.5, 5, 10)
POINT_ID = "value:"  # prefix of the ids of points in an SVG, before x:y
# A curve is smoothed by a moving mean over _WINDOW points if its total variation is at least
# _NOISY times its range.
_WINDOW, _NOISY = 9, 4.0
_COLUMNS = 4  # of a legend
_GOLD = "#f2b705"
_MIN_EXPLAINED_VARIANCE = -1.0  # lower values are clipped: they only say that it is bad


def draw_figure(panels: Sequence[Panel], labels: Sequence[str], title: str, x_axis: Axis) -> Any:
    """Draw the panels as a matplotlib figure.

    Args:
        panels: One panel or more, see `rlctl.plots.panels.make_panels`.
        labels: Labels of the runs.
        title: Title; empty for none.
        x_axis: The x axis.
    """
    large = [panel for panel in panels if panel.name in _LARGE]
    right = [panel for panel in panels if panel.name in _RIGHT]
    below = [panel for panel in panels if panel not in large and panel not in right]
    rows = math.ceil((len(labels) + 4) / _COLUMNS)
    heights = [2.35 * max(len(large), len(right) if large else 1)] * bool(large or right)
    heights[:1] = [height + 0.17 * rows for height in heights[:1]]
    heights += [2.1] * bool(below)
    figure = style.new_figure(10.0, sum(heights) + 0.35, dpi=160)
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.06)
    if title:
        figure.suptitle(textwrap.fill(title, 110), color=style.INK, fontsize=13, weight="bold")
    rows = iter(figure.add_gridspec(len(heights), 1, height_ratios=heights))
    if large or right:
        top = next(rows)
        if large and right:
            left_grid, right_grid = top.subgridspec(1, 2, width_ratios=(1.9, 1.0))
            places = [*left_grid.subgridspec(len(large), 1), *right_grid.subgridspec(len(right), 1)]
        else:
            places = [*top.subgridspec(len(large) or 1, len(right) or 1)]
        for panel, place in zip([*large, *right], places, strict=True):
            _draw_panel(figure.add_subplot(place), panel, labels, x_axis)
    if below:
        for panel, place in zip(below, next(rows).subgridspec(1, len(below)), strict=True):
            _draw_panel(figure.add_subplot(place), panel, labels, x_axis)
    return figure


def line_style(run: int) -> tuple[str, Dashes]:
    """Return colour and dashes of a run's curves."""
    cycle, color = divmod(run, len(style.COLORS))
    return style.COLORS[color], _DASHES[cycle % len(_DASHES)]


def _draw_panel(ax: Any, panel: Panel, labels: Sequence[str], x_axis: Axis) -> None:
    from matplotlib.ticker import MaxNLocator

    style.style_axes(ax, x_axis.label)
    ax.set_ylabel(panel.label, color=style.INK, fontsize=9)
    ax.yaxis.set_major_formatter(style.format_tick)
    ax.xaxis.set_major_locator(MaxNLocator(8 if panel.name in _LARGE else 4, steps=_TICK_STEPS))
    ax.yaxis.set_major_locator(MaxNLocator(6, steps=_TICK_STEPS))
    ax.set_xlim(0, x_axis.end or 1)
    if panel.layers:
        _draw_layers(ax, panel)
        return
    bands = len(labels) <= _MAX_BANDS
    for series in panel.series:
        _draw_series(ax, series, bands)
    _scale_y(ax, panel)
    if panel.name == "return":
        if math.isfinite(panel.target):
            ax.axhline(panel.target, color=style.INK, linewidth=1.0, linestyle=(0, (5, 4)))
        _mark_best(ax, panel)
        _legend(ax, *_legend_entries(panel, labels, bands))
    if panel.note:
        place = {"transform": ax.transAxes, "ha": "right", "va": "bottom"}
        ax.text(0.995, 0.03, panel.note, color=style.REST, fontsize=7.5, **place)


def _draw_series(ax: Any, series: Series, bands: bool) -> None:
    color, dashes = line_style(series.run)
    if series.evaluation:
        bars = None
        if series.low is not None:
            bars = np.nan_to_num([series.y - series.low, series.high - series.y]).clip(0)
        ax.errorbar(
            series.x, series.y, bars, fmt="o", color=color, markersize=4.5, elinewidth=1.2,
            markeredgecolor="white", markeredgewidth=0.7, zorder=4, clip_on=False,
        )  # fmt: skip
        for x, y in zip(
            series.x, series.y, strict=True
        ):  # invisible: the HTML page shows their values on hover
            ax.plot([x], [y], "o", alpha=0.0, markersize=10, gid=f"{POINT_ID}{x:g}:{y:.5g}")
        return
    if series.low is not None and bands:
        ax.fill_between(series.x, series.low, series.high, color=color, alpha=0.18, linewidth=0)
    dot = "." if len(series.x) == 1 else ""  # a line through one point is invisible
    smooth = _smoothed(series.y)
    ax.plot(
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
        ax.plot(series.x, smooth, color=color, linestyle=dashes, linewidth=1.6)


def _smoothed(y: np.ndarray) -> np.ndarray | None:
    """Return moving means of a curve (P,), None if it is short or smooth already."""
    if len(y) < 2 * _WINDOW or np.abs(np.diff(y)).sum() < _NOISY * np.ptp(y):
        return None
    weights = np.ones(_WINDOW)
    counts = np.convolve(np.ones_like(y), weights, "same")  # smaller at the ends
    return np.convolve(y, weights, "same") / counts


def _mark_best(ax: Any, panel: Panel) -> None:
    """Mark the best evaluation."""
    points = [(y, x) for part in panel.series if part.evaluation for x, y in zip(part.x, part.y)]  # noqa: B905
    if points:
        y, x = max(points, key=lambda point: point[0])
        ax.plot([x], [y], "*", color=_GOLD, markersize=13, markeredgecolor=style.INK,
                   markeredgewidth=0.7, zorder=5, clip_on=False)  # fmt: skip


def _draw_layers(ax: Any, panel: Panel) -> None:
    """Stack the layers from 0; a layer that changes its sign is drawn on both sides."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    total, colors = panel.series[0], _layer_colors(len(panel.layers))
    for side in (np.maximum, np.minimum):
        edge = np.zeros_like(total.y)
        for layer, color in zip(panel.layers, colors, strict=True):
            top = edge + side(layer.y, 0.0)
            ax.fill_between(total.x, edge, top, color=color, alpha=0.85, linewidth=0)
            edge = top
    ax.plot(total.x, total.y, color=style.INK, linewidth=1.2)
    ax.axhline(0.0, color=style.INK, linewidth=0.6)
    handles = [Line2D([], [], color=style.INK, linewidth=1.2)]
    handles += [Patch(color=color, alpha=0.85) for color in colors]
    _legend(ax, handles, ["return", *(layer.label for layer in panel.layers)])


def _layer_colors(count: int) -> list[str]:
    """Return a colour per layer: not black, which is the return's; grey for the other terms."""
    return [*style.COLORS[:-1], style.YELLOW, style.REST][:count]


def _scale_y(ax: Any, panel: Panel) -> None:
    """Set limits and scale of the y axis."""
    values = np.concatenate([series.y for series in panel.series])
    if panel.name == "explained_variance":
        ax.set_ylim(max(_MIN_EXPLAINED_VARIANCE, min(0.0, values.min())) - 0.03, 1.03)
    elif values.min() > 0 and (
        panel.name == "value_loss" or (panel.name == "kl" and values.max() > 30 * np.median(values))
    ):
        _logarithmic(ax, math.log10(values.max() / values.min()))
    elif panel.name != "return" and values.min() >= 0:
        ax.set_ylim(0.0, 1.08 * values.max() or 1.0)


def _logarithmic(ax: Any, decades: float) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    ax.set_yscale("log")
    marked = (1, 2, 5) if decades < 1.5 else (1,)
    ax.yaxis.set_major_locator(LogLocator(subs=marked, numticks=8))
    ax.yaxis.set_major_formatter(style.format_tick)
    ax.yaxis.set_minor_formatter(NullFormatter())


def _legend_entries(
    panel: Panel, labels: Sequence[str], bands: bool
) -> tuple[list[Any], list[str]]:
    """Return handles and labels of the returns' legend: runs, bands, error bars and marks."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    series, single = panel.series, len(labels) == 1
    neutral = style.LINE if single else style.REST
    entries: list[tuple[Any, str]] = []
    if not single:
        for run, label in enumerate(_wrapped(labels)):
            color, dashes = line_style(run)
            entries.append((Line2D([], [], color=color, linestyle=dashes, linewidth=1.6), label))
    elif any(not part.evaluation for part in series):
        entries.append((Line2D([], [], color=neutral, linewidth=1.6), "training"))
    if bands and any(part.low is not None and not part.evaluation for part in series):
        entries.append((Patch(color=neutral, alpha=0.25), "episodes, ±1 std"))
    if any(part.evaluation for part in series):
        point = Line2D([], [], color=neutral, linestyle="", marker="o", markersize=4.5)
        entries.append((point, "evaluation, 95 % interval"))
        star = Line2D([], [], color=_GOLD, linestyle="", marker="*", markersize=9)
        entries.append((star, "best evaluation"))
    if math.isfinite(panel.target):
        line = Line2D([], [], color=style.INK, linewidth=1.0, linestyle=(0, (5, 4)))
        entries.append((line, f"target {panel.target:,.6g}"))
    return [handle for handle, _ in entries], [label for _, label in entries]


def _legend(ax: Any, handles: list[Any], labels: list[str]) -> None:
    """Add a legend above the axes, where it hides nothing."""
    # matplotlib leaves out labels that start with an underscore.
    labels = [f" {label}" if label.startswith("_") else label for label in labels]
    ax.legend(
        handles, labels, loc="lower left", bbox_to_anchor=(0.0, 1.0), fontsize=7.5, frameon=False,
        labelcolor=style.INK, handlelength=1.4, borderpad=0.2, ncols=_COLUMNS, columnspacing=1.4,
        borderaxespad=0.2,
    )  # fmt: skip


def _wrapped(labels: Sequence[str]) -> list[str]:
    return ["\n".join(textwrap.wrap(label, 26)) or label for label in labels]
