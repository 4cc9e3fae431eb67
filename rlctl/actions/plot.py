"""Plot learning curves of one or several runs, as an image or an HTML page."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlctl.actions.benchmarks.plots import missing
from rlctl.checkpoints import store
from rlctl.core import runs
from rlctl.core.checkpoint_names import FOLDER
from rlctl.core.errors import (
    Damaged,
    NotFound,
    PackageMissing,
    RlctlError,
    UsageError,
    in_brief,
)
from rlctl.core.files import write_atomic
from rlctl.plots import style
from rlctl.plots.figure import draw_figure
from rlctl.plots.history import pool, read_history
from rlctl.plots.page import RunReport, find_videos, make_page, printable
from rlctl.plots.panels import Axis, Panel, make_axis, make_panels

SUFFIXES = (".png", ".svg", ".html")
DEFAULT = "plot.png"  # in the run's folder; for several runs in the current folder
Warn = Callable[[str], None]


@dataclass(frozen=True)
class Plotted:
    """A plot that was written.

    Attributes:
        path: The file.
        bytes: Its size.
        x: `steps` or `time`.
        panels: Names of its panels, in reading order.
        runs: The runs.
    """

    path: Path
    bytes: int
    x: str
    panels: tuple[str, ...]
    runs: tuple[RunReport, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "path": str(self.path),
            "bytes": self.bytes,
            "x": self.x,
            "panels": list(self.panels),
            "runs": [_summary(run) for run in self.runs],
        }


def plot(
    texts: Sequence[str] = (),
    out: Path | None = None,
    x: str = "steps",
    warn: Warn = lambda line: None,
) -> Plotted:
    """Plot learning curves.

    The output path is validated before any metrics are read.

    Args:
        texts: Runs by path or name, or `latest`; empty for the latest run.
        out: The file, .png, .svg or .html; None for plot.png in the run's folder, or in the
            current folder for several runs.
        x: Quantity on the x axis, `steps` or `time`.
        warn: Called for everything that is left out.

    Raises:
        UsageError: The output path is invalid.
        PackageMissing: matplotlib is not installed.
        NotFound: A run does not exist, or none has metrics yet.
        OutOfSpace: The file cannot be written.
    """
    if out is not None:
        _validate(out)
    if missing():
        raise PackageMissing("plots need matplotlib, which is not installed", "matplotlib")
    folders = _folders(texts)
    out = out or (folders[0] / DEFAULT if len(folders) == 1 else Path(DEFAULT))
    _validate(out)
    reports = _read_runs(folders, warn)
    curves, x_axis, panels = _make_panels(reports, x)
    if out.suffix.lower() == ".html":
        reports = [_with_videos(report, warn) for report in reports]
    content = _encode(out.suffix.lower(), reports, curves, x_axis, panels)
    write_atomic(out, content)
    return Plotted(out, len(content), x, tuple(panel.name for panel in panels), tuple(reports))


def labels(folders: Sequence[Path]) -> list[str]:
    """Return short, distinct labels for run folders.

    A single run has its folder's name. For several, the words that all names start or end with are
    dropped; folders of the same name get as much of their path as makes them distinct.
    """
    paths = [Path(os.path.abspath(folder)).parts for folder in folders]
    depth = 1
    while len({path[-depth:] for path in paths}) < len(set(paths)):
        depth += 1
    names = ["/".join(part.strip("/") for part in path[-depth:]) for path in paths]
    if len(names) == 1:
        return [printable(names[0])]
    words = [re.split(r"([-_./])", name) for name in names]
    shortest = min(map(len, words))
    start = _common_prefix(words, shortest - 1)  # at least one word is left
    start -= start % 2  # words are at even indices, separators at odd ones
    end = _common_prefix([row[::-1] for row in words], shortest - start - 1)
    end -= end % 2
    return [printable("".join(row[start : len(row) - end])) for row in words]


def _common_prefix(rows: Sequence[Sequence[str]], limit: int) -> int:
    """Return the length of the common prefix of all rows, at most `limit`."""
    count = 0
    while count < limit and len({row[count] for row in rows}) == 1:
        count += 1
    return count


def _validate(out: Path) -> None:
    if out.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"{out} does not end in {', '.join(SUFFIXES)}", "name the file plot.png, for example"
        )
    if out.is_dir():
        raise UsageError(f"{out} is a folder", f"name a file, such as {out / DEFAULT}")


def _folders(texts: Sequence[str]) -> list[Path]:
    """Return the folders of the runs, without duplicates."""
    folders = [runs.find_run_with_metrics(text) for text in texts or ("latest",)]
    return list({folder.resolve(): folder for folder in folders}.values())


def _read_runs(folders: Sequence[Path], warn: Warn) -> list[RunReport]:
    """Read the runs that have metrics; warn about the others.

    Raises:
        NotFound: No run has metrics.
    """
    reports, without = [], []
    for folder, label in zip(folders, labels(folders), strict=True):
        config = _config(folder, warn)
        try:
            history = read_history(folder, config.get("settings"))
        except OSError as error:
            raise NotFound(
                f"cannot read {folder / 'metrics.jsonl'}: {error.strerror}", "check the path"
            ) from error
        if history.empty:
            without.append(folder)
        else:
            best = _best_checkpoint(folder, warn)
            reports.append(RunReport(label, folder, config, history, best))
    if not reports:
        names = ", ".join(map(str, without))
        raise NotFound(
            f"there are no metrics in {names} yet",
            "the first update of a training writes metrics.jsonl; name a run with an update",
        )
    for folder in without:
        warn(f"left out {folder}: it has no metrics yet")
    return reports


def _config(folder: Path, warn: Warn) -> dict[str, Any]:
    try:
        return runs.read_config(folder)
    except Damaged as error:
        warn(f"{error.message}; the plot leaves its settings out")
        return {}


def _best_checkpoint(folder: Path, warn: Warn) -> Path | None:
    """Return the best intact checkpoint, None without one."""
    try:
        best = store.best(folder / FOLDER, lambda error: warn(f"skipped {error.message}"))
    except (RlctlError, OSError) as error:
        warn(f"no best checkpoint of {folder}: {in_brief(error)}")
        return None
    return best and best.path


def _make_panels(reports: Sequence[RunReport], x: str) -> tuple[list[str], Axis, list[Panel]]:
    """Return the runs' labels, the x axis and the panels.

    Raises:
        NotFound: There is nothing to plot.
    """
    names = [report.label for report in reports]
    histories = [pool(report.history) for report in reports]
    x_axis = make_axis(histories, x)
    panels = make_panels(histories, names, x_axis)
    if not panels:
        raise NotFound(
            f"no row in {reports[0].folder / 'metrics.jsonl'} holds a metric that can be plotted",
            "name a run with more updates",
        )
    return names, x_axis, panels


def _with_videos(report: RunReport, warn: Warn) -> RunReport:
    videos, left_out = find_videos(report.folder)
    for path in left_out:
        warn(f"{path} is too large for the page")
    return replace(report, videos=videos, left_out=left_out)


def _encode(
    suffix: str,
    reports: Sequence[RunReport],
    names: Sequence[str],
    x_axis: Axis,
    panels: Sequence[Panel],
) -> bytes:
    title = _title(reports)
    with style.plain_text():
        figure = draw_figure(panels, names, "" if suffix == ".html" else title, x_axis)
        image = style.encode(figure, "png" if suffix == ".png" else "svg")
    return make_page(title, image, reports) if suffix == ".html" else image


def _title(reports: Sequence[RunReport]) -> str:
    """Return environment and algorithm of the runs, and the label of a single run."""
    kinds = [
        ", ".join(
            str(part) for part in (config.get("env"), str(config.get("algo", "")).upper()) if part
        )
        for config in (report.config for report in reports)
    ]
    title = "; ".join(dict.fromkeys(kind for kind in kinds if kind))
    if len(reports) == 1:
        title = f"{title}: {reports[0].label}" if title else reports[0].label
    return printable(title) or "learning curves"


def _summary(report: RunReport) -> dict[str, Any]:
    """Return the main results of a run as plain data."""
    history, best = report.history, report.history.best
    return {
        "run": str(report.folder),
        "label": report.label,
        "env": report.config.get("env"),
        "algo": report.config.get("algo"),
        "steps": int(history.steps[-1]) if len(history.steps) else None,
        "seconds": float(history.seconds[-1]) if len(history.steps) else None,
        "updates": len(history.steps),
        "evaluations": len(history.evaluations),
        "return": pool(history).last("return"),
        "best": best and {"steps": int(best.steps), "return": best.mean},
        "checkpoint": str(report.checkpoint) if report.checkpoint else None,
        "films": [str(path) for path in report.videos],
    }
