"""Learning curves of one or several runs, as a picture or a page."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlctl.actions.benchmarks.plots import missing
from rlctl.checkpoints import find, store
from rlctl.core import runs
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
from rlctl.plots.figure import draw
from rlctl.plots.history import pooled, read
from rlctl.plots.page import Chapter, films_in, page, printable
from rlctl.plots.panels import Axis, Panel, axis, panels

SUFFIXES = (".png", ".svg", ".html")
DEFAULT = "plot.png"  # in the run's folder, or here for several runs
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plotted:
    """A figure that was written.

    Attributes:
        path: The file.
        bytes: Its size.
        x: `steps` or `time`.
        panels: What it shows, in reading order.
        chapters: The runs.
    """

    path: Path
    bytes: int
    x: str
    panels: tuple[str, ...]
    chapters: tuple[Chapter, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "path": str(self.path),
            "bytes": self.bytes,
            "x": self.x,
            "panels": list(self.panels),
            "runs": [_summary(chapter) for chapter in self.chapters],
        }


def plot(
    texts: Sequence[str] = (),
    out: Path | None = None,
    x: str = "steps",
    tell: Tell = lambda line: None,
) -> Plotted:
    """Draw learning curves.

    A name that no figure can have is refused before any metrics are read.

    Args:
        texts: Runs by path or name, or `latest`; none for the latest run.
        out: The file, .png, .svg or .html; None for plot.png in the run's folder, or in this one
            for several runs.
        x: What is on the x axis, `steps` or `time`.
        tell: Told of what is left out.

    Raises:
        UsageError: Not such a file.
        PackageMissing: matplotlib is not installed.
        NotFound: No such run, or none has metrics yet.
        OutOfSpace: The file cannot be written.
    """
    if out is not None:
        _check(out)
    if missing():
        raise PackageMissing("curves are drawn by matplotlib, which is not installed", "matplotlib")
    folders = _folders(texts)
    out = out or (folders[0] / DEFAULT if len(folders) == 1 else Path(DEFAULT))
    _check(out)
    chapters = _chapters(folders, tell)
    curves, along, shown = _shown(chapters, x)
    if out.suffix.lower() == ".html":
        chapters = [_with_films(chapter, tell) for chapter in chapters]
    content = _encoded(out.suffix.lower(), chapters, curves, along, shown)
    write_atomic(out, content)
    return Plotted(out, len(content), x, tuple(p.name for p in shown), tuple(chapters))


def labels(folders: Sequence[Path]) -> list[str]:
    """Short names for run folders: what is different between them.

    A run alone has its folder's name. Of several, the words that all names begin or end with are
    left out; folders of the same name bring as much of their path as it takes.
    """
    paths = [Path(os.path.abspath(folder)).parts for folder in folders]
    deep = 1
    while len({path[-deep:] for path in paths}) < len(set(paths)):
        deep += 1
    names = ["/".join(part.strip("/") for part in path[-deep:]) for path in paths]
    if len(names) == 1:
        return [printable(names[0])]
    words = [re.split(r"([-_./])", name) for name in names]
    least = min(map(len, words))
    start = _alike(words, least - 1)
    start -= start % 2  # words stand between the marks that separate them
    end = _alike([row[::-1] for row in words], least - start - 1)
    end -= end % 2
    return [printable("".join(row[start : len(row) - end])) for row in words]


def _alike(rows: Sequence[Sequence[str]], most: int) -> int:
    """How many entries all rows begin with alike, `most` of them at most."""
    count = 0
    while count < most and len({row[count] for row in rows}) == 1:
        count += 1
    return count


def _check(out: Path) -> None:
    if out.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"{out} does not end in {', '.join(SUFFIXES)}", "name the file plot.png, for example"
        )
    if out.is_dir():
        raise UsageError(f"{out} is a folder", f"name a file, such as {out / DEFAULT}")


def _folders(texts: Sequence[str]) -> list[Path]:
    """The folders of the runs, each once."""
    found = [runs.find_run_with_metrics(text) for text in texts or ("latest",)]
    return list({folder.resolve(): folder for folder in found}.values())


def _chapters(folders: Sequence[Path], tell: Tell) -> list[Chapter]:
    """The runs that have metrics; it is told of those that have none.

    Raises:
        NotFound: None has any.
    """
    found, without = [], []
    for folder, label in zip(folders, labels(folders), strict=True):
        config = _config(folder, tell)
        try:
            history = read(folder, config.get("settings"))
        except OSError as error:
            raise NotFound(
                f"cannot read {folder / 'metrics.jsonl'}: {error.strerror}", "check the path"
            ) from error
        if history.empty:
            without.append(folder)
        else:
            best = _best_checkpoint(folder, tell)
            found.append(Chapter(label, folder, config, history, best))
    if not found:
        names = ", ".join(map(str, without))
        raise NotFound(
            f"there are no metrics in {names} yet",
            "a training writes metrics.jsonl with its first update; name a run that got that far",
        )
    for folder in without:
        tell(f"left out {folder}: it has no metrics yet")
    return found


def _config(folder: Path, tell: Tell) -> dict[str, Any]:
    try:
        return runs.read_config(folder)
    except Damaged as error:
        tell(f"{error.message}; the figure does without")
        return {}


def _best_checkpoint(folder: Path, tell: Tell) -> Path | None:
    """The best checkpoint that verifies, None without one."""
    try:
        return store.best(folder / find.FOLDER, lambda error: tell(f"skipped {error.message}"))
    except (RlctlError, OSError) as error:
        tell(f"no best checkpoint of {folder}: {in_brief(error)}")
        return None


def _shown(chapters: Sequence[Chapter], x: str) -> tuple[list[str], Axis, list[Panel]]:
    """The runs' labels, the x axis, and what there is to draw over it.

    Raises:
        NotFound: Nothing at all.
    """
    names = [chapter.label for chapter in chapters]
    histories = [pooled(chapter.history) for chapter in chapters]
    along = axis(histories, x)
    found = panels(histories, names, along)
    if not found:
        raise NotFound(
            f"no row in {chapters[0].folder / 'metrics.jsonl'} holds a figure that can be drawn",
            "name a run that got further",
        )
    return names, along, found


def _with_films(chapter: Chapter, tell: Tell) -> Chapter:
    films, left_out = films_in(chapter.folder)
    for path in left_out:
        tell(f"{path} is too large for the page")
    return replace(chapter, films=films, left_out=left_out)


def _encoded(
    suffix: str,
    chapters: Sequence[Chapter],
    names: Sequence[str],
    along: Axis,
    shown: Sequence[Panel],
) -> bytes:
    title = _title(chapters)
    with style.plain():
        figure = draw(shown, names, "" if suffix == ".html" else title, along)
        picture = style.encoded(figure, "png" if suffix == ".png" else "svg")
    return page(title, picture, chapters) if suffix == ".html" else picture


def _title(chapters: Sequence[Chapter]) -> str:
    """Environment and algorithm of the runs, and the name of one alone."""
    kinds = [
        ", ".join(
            str(part) for part in (config.get("env"), str(config.get("algo", "")).upper()) if part
        )
        for config in (chapter.config for chapter in chapters)
    ]
    title = "; ".join(dict.fromkeys(kind for kind in kinds if kind))
    if len(chapters) == 1:
        title = f"{title}: {chapters[0].label}" if title else chapters[0].label
    return printable(title) or "learning curves"


def _summary(chapter: Chapter) -> dict[str, Any]:
    """What a run came to, as plain data."""
    history, best = chapter.history, chapter.history.best
    return {
        "run": str(chapter.folder),
        "label": chapter.label,
        "env": chapter.config.get("env"),
        "algo": chapter.config.get("algo"),
        "steps": int(history.steps[-1]) if len(history.steps) else None,
        "seconds": float(history.seconds[-1]) if len(history.steps) else None,
        "updates": len(history.steps),
        "evaluations": len(history.evaluations),
        "return": pooled(history).last("return"),
        "best": best and {"steps": int(best.steps), "return": best.mean},
        "checkpoint": str(chapter.checkpoint) if chapter.checkpoint else None,
        "films": [str(path) for path in chapter.films],
    }
