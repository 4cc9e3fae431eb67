"""Plot of a benchmark's learning curves."""

import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from rlctl.core.errors import pip_install
from rlctl.core.files import write_atomic
from rlctl.plots import style

_PUBLISHED_COLORS = ("#b5541c", "#4b8b3b", "#7a4fa3")


def missing() -> str:
    """Return what to install for plots, "" if nothing is missing."""
    if find_spec("matplotlib"):
        return ""
    return f"no plots: matplotlib is not installed ({pip_install('matplotlib')})"


def plot_curves(path: Path, report: dict[str, Any]) -> None:
    """Plot training, evaluations and published results, with axes for each environment.

    Args:
        path: The PNG file.
        report: `Report.to_json()`.

    Raises:
        OutOfSpace: The file cannot be written.
    """
    envs = report["envs"]
    columns = min(3, len(envs))
    rows = math.ceil(len(envs) / columns)
    figure = style.new_figure(4.6 * columns, 4.0 * rows + 0.4)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax, (env, env_report) in zip(axes, envs.items(), strict=False):
        _plot_env(ax, env, env_report, report["steps"])
    for ax in axes[len(envs) :]:
        ax.set_visible(False)
    figure.suptitle(f"{report['algo'].upper()}: return", color=style.INK)
    write_atomic(path, style.encode(figure, "png"))


def _plot_env(ax: Any, env: str, env_report: dict[str, Any], steps: int) -> None:
    curves = [run["curve"] for run in env_report["runs"]]
    style.style_axes(ax, "environment steps")
    ax.set_title(env, color=style.INK, fontsize=11)
    ax.set_xlim(0, steps)
    if curves:
        x, returns = interpolate(curves, steps)
        if len(curves) > 1:
            low, high = returns.min(axis=0), returns.max(axis=0)
            label = f"training, range of {len(curves)} seeds"
            ax.fill_between(x, low, high, color=style.LINE, alpha=0.18, linewidth=0, label=label)
        ax.plot(x, returns.mean(axis=0), color=style.LINE, linewidth=1.6, label="training, mean")
        at, means = mean_evaluations([run["evaluations"] for run in env_report["runs"]])
        ax.plot(at, means, ".", color=style.LINE, markersize=7, label="evaluation, mean")
    for other, color in zip(env_report["published"], _PUBLISHED_COLORS, strict=False):
        label = f"{other['title'].split(',')[0]}: {other['mean']:,.4g}"
        ax.axhline(other["mean"], color=color, linewidth=1.0, linestyle="--", label=label)
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.16), "ncols": 2}
    ax.legend(**below, fontsize=7, frameon=False, labelcolor=style.INK)


def mean_evaluations(evaluations: list[list[tuple[int, float]]]) -> tuple[list[int], list[float]]:
    """Return the steps at which every seed was evaluated, and the mean over seeds there."""
    seeds = [dict(rows) for rows in evaluations]
    at = sorted(set.intersection(*map(set, seeds)))
    return at, [sum(seed[step] for seed in seeds) / len(seeds) for step in at]


def interpolate(curves: list[list[float | None]], steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate the gaps in curves of S seeds over P parts of a training linearly.

    Returns:
        Steps at the centres of the parts (P',) and returns (S, P'), between the first and the last
        part for which every seed has a value.
    """
    raw = np.array(curves, float)  # None becomes nan
    points = raw.shape[1]
    x = (np.arange(points) + 0.5) * steps / points
    known = [np.flatnonzero(np.isfinite(row)) for row in raw]
    if any(len(ids) == 0 for ids in known):
        return x[:0], raw[:, :0]
    first, last = max(ids[0] for ids in known), min(ids[-1] for ids in known)
    inside = slice(first, max(last + 1, first))
    rows = [np.interp(x, x[ids], row[ids]) for ids, row in zip(known, raw, strict=True)]
    return x[inside], np.array(rows)[:, inside]
