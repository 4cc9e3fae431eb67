"""Learning curves as a picture."""

import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from rlctl.core.errors import pip_install
from rlctl.core.files import write_atomic
from rlctl.plots import style

_OTHERS = ("#b5541c", "#4b8b3b", "#7a4fa3")  # published results, the best three


def missing() -> str:
    """What to install for plots, empty where nothing is missing."""
    if find_spec("matplotlib"):
        return ""
    return f"no plots: matplotlib is not installed ({pip_install('matplotlib')})"


def plot_curves(path: Path, report: dict[str, Any]) -> None:
    """Draw a panel per environment: training, evaluations, and published results.

    Args:
        path: PNG to write.
        report: `Report.to_json()`, curves included.

    Raises:
        OutOfSpace: It cannot be written.
    """
    envs = report["envs"]
    columns = min(3, len(envs))
    rows = math.ceil(len(envs) / columns)
    figure = style.canvas(4.6 * columns, 4.0 * rows + 0.4)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, (env, found) in zip(panels, envs.items(), strict=False):
        _draw(panel, env, found, report["steps"])
    for panel in panels[len(envs) :]:
        panel.set_visible(False)
    figure.suptitle(f"{report['algo'].upper()}: return", color=style.INK)
    write_atomic(path, style.encoded(figure, "png"))


def _draw(panel: Any, env: str, found: dict[str, Any], steps: int) -> None:
    curves = [run["curve"] for run in found["runs"]]
    style.tidy(panel, "environment steps")
    panel.set_title(env, color=style.INK, fontsize=11)
    panel.set_xlim(0, steps)
    if curves:
        x, every = filled(curves, steps)
        if len(curves) > 1:
            panel.fill_between(
                x, every.min(axis=0), every.max(axis=0), color=style.LINE, alpha=0.18, linewidth=0,
                label=f"training, range of {len(curves)} seeds",
            )  # fmt: skip
        panel.plot(x, every.mean(axis=0), color=style.LINE, linewidth=1.6, label="training, mean")
        at, means = evaluated([run["evaluations"] for run in found["runs"]])
        panel.plot(at, means, ".", color=style.LINE, markersize=7, label="evaluation, mean")
    for other, color in zip(found["published"], _OTHERS, strict=False):
        label = f"{other['title'].split(',')[0]}: {other['mean']:,.4g}"
        panel.axhline(other["mean"], color=color, linewidth=1.0, linestyle="--", label=label)
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.16), "ncols": 2}
    panel.legend(**below, fontsize=7, frameon=False, labelcolor=style.INK)


def evaluated(evaluations: list[list[tuple[int, float]]]) -> tuple[list[int], list[float]]:
    """Steps at which every seed was evaluated, and the mean over seeds there."""
    seeds = [dict(found) for found in evaluations]
    at = sorted(set.intersection(*map(set, seeds)))
    return at, [sum(seed[step] for seed in seeds) / len(seeds) for step in at]


def filled(curves: list[list[float | None]], steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Curves of S seeds over P parts of a training, gaps bridged by straight lines.

    Returns:
        Steps at the parts' middles (P',) and returns (S, P'), from the first part that every seed
        has to the last one.
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
