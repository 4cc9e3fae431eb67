"""HTML page of learning curves: one file without scripts, other files or network access."""

import base64
import json
import math
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from rlctl.plots.figure import POINT_ID
from rlctl.plots.history import Evaluation, History

MAX_VIDEO, MAX_VIDEOS = 8_000_000, 32_000_000  # bytes of one video, and of all in a page
_VIDEO_TYPES = {".mp4": "video/mp4", ".webm": "video/webm", ".gif": "image/gif"}
_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"
_STYLE = """
:root { color-scheme: light dark; --ink: #333; --paper: #fff; --line: #ddd; --faint: #777; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ddd; --paper: #16191e; --line: #3a4048; --faint: #9aa3ad; }
  body > svg { filter: invert(.9) hue-rotate(180deg); }
}
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 72em; margin: 2em auto; padding: 0 1.5em; }
h1 { font-size: 1.5em; }
h2 { font-size: 1.25em; border-top: 1px solid var(--line); padding-top: 1em; }
dl.summary { display: flex; flex-wrap: wrap; gap: .6em 2.4em; margin: 1em 0; }
dl.summary dt { color: var(--faint); font-size: .85em; }
dl.summary dd { margin: 0; font-size: 1.5em; font-weight: 600; }
p.help { color: var(--faint); font-size: .9em; max-width: 60em; }
h3 { font-size: 1em; margin-bottom: .3em; }
svg, video, img { max-width: 100%; height: auto; }
body > svg { width: 100%; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; display: block;
  overflow-x: auto; }
th, td { text-align: left; padding: .15em 1.2em .15em 0; vertical-align: top; }
th { font-weight: 600; } tr + tr { border-top: 1px solid var(--line); }
td.n, th.n { text-align: right; } td { overflow-wrap: anywhere; }
th, td.n, td:first-child { white-space: nowrap; }
details { margin-top: .8em; }
code { font-size: .92em; } figure { display: inline-block; margin: .5em 1em .5em 0; }
"""

_POINT = re.compile(rf'<g id="{POINT_ID}([^:"]+):([^:"]+)">')
_HELP = (
    "Explained variance measures how well the value function predicts returns: 1 is perfect, 0 is "
    "no better than their mean. KL divergence measures how far an update moved the policy: steps "
    "much larger than usual can undo what was learned. Point at an evaluation to read its value."
)


@dataclass(frozen=True)
class RunReport:
    """A run in the figure and on the page.

    Attributes:
        label: Its label in the figure.
        folder: Its folder.
        config: Its `config.json`, {} if that cannot be read.
        history: Its metrics.
        checkpoint: The best checkpoint, None without one.
        videos: Videos to embed.
        left_out: Videos that are too large.
    """

    label: str
    folder: Path
    config: dict[str, Any]
    history: History
    checkpoint: Path | None
    videos: tuple[Path, ...] = ()
    left_out: tuple[Path, ...] = ()


def find_videos(folder: Path) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Find the videos in a run's folder: those to embed, and those too large for the page."""
    embedded, left_out, remaining = [], [], MAX_VIDEOS
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in _VIDEO_TYPES or path.name.startswith("."):
            continue
        if path.is_symlink() or not path.is_file():  # a link could embed any file of the user
            continue
        size = path.stat().st_size
        fits = size < MAX_VIDEO and size <= remaining
        remaining -= size * fits
        (embedded if fits else left_out).append(path)
    return tuple(embedded), tuple(left_out)


def make_page(title: str, svg: bytes, runs: Sequence[RunReport]) -> bytes:
    """Make the page: summaries, the figure, and a section for every run.

    Args:
        title: Title of the page.
        svg: The figure.
        runs: The runs, in the figure's order.
    """
    drawing = re.sub(_POINT, r"\g<0><title>\2 at \1</title>", svg.decode())
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_SECURITY_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
        f"<h1>{text(title)}</h1>",
        *(line for run in runs for line in _summary(run, len(runs) > 1)),
        drawing[drawing.index("<svg") :],  # without the XML declaration, which is invalid in HTML
        f'<p class="help">{text(_HELP)}</p>',
        *(line for run in runs for line in _section(run)),
        "</body>\n</html>\n",
    ]
    return "\n".join(parts).encode()


def text(value: Any) -> str:
    """Escape any value for HTML; unprintable characters become question marks."""
    return escape(printable(str(value)))


def printable(line: str) -> str:
    """Replace characters that XML or terminals do not accept by question marks."""
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def _summary(run: RunReport, named: bool) -> Iterator[str]:
    """Yield the summary row of a run: returns, steps, time."""
    facts = [(name, value) for name, value in _outcome(run) if value]
    if named:
        facts.insert(0, ("run", run.label))
    yield '<dl class="summary">'
    yield from (f"<div><dt>{text(a)}</dt><dd>{text(b)}</dd></div>" for a, b in facts)
    yield "</dl>"


def _outcome(run: RunReport) -> Iterator[tuple[str, str]]:
    history, best = run.history, run.history.best
    reached = best.mean if best else history.last("return")
    yield ("best return" if best else "last return"), _number(reached)
    if math.isfinite(history.target):
        yield (
            "target",
            f"{_number(history.target)}, "
            + ("reached" if reached >= history.target else "not reached"),
        )
    if first := next((row for row in history.evaluations if math.isfinite(row.mean)), None):
        yield "first evaluation", _number(first.mean) if first is not best else ""
    if len(history.steps):
        yield "steps", f"{history.steps[-1]:,.0f}"
        yield "time", _duration(history.seconds[-1])
    yield "videos", str(len(run.videos)) if run.videos else "none yet: rlctl render"


def _duration(seconds: float) -> str:
    """Format seconds as 1:23:45, "" if unknown."""
    if not math.isfinite(seconds):
        return ""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _section(run: RunReport) -> Iterator[str]:
    yield f"<h2>{text(run.label)}</h2>"
    yield _table((), [(name, value) for name, value in _facts(run) if value])
    if run.history.evaluations:
        yield "<h3>Evaluations</h3>"
        yield _evaluations(run.history.evaluations, run.history.best)
    settings = dict(_flat(run.config.get("settings")))
    origins = run.config.get("origins")
    if settings and isinstance(origins, dict):
        changed = [
            (name, _value(value), origins[name])
            for name, value in settings.items()
            if origins.get(name, "default") != "default"
        ]
        yield "<h3>Settings that are not the defaults</h3>"
        header = ("setting", "value", "from")
        yield _table(header, changed) if changed else "<p>none</p>"
    if settings:
        rows = [(name, _value(value)) for name, value in settings.items()]
        yield f"<details><summary>All {len(rows)} settings</summary>"
        yield _table(("setting", "value"), rows) + "</details>"
    if run.videos or run.left_out:
        yield "<h3>Videos</h3>"
    yield from map(_video, run.videos)
    for path in run.left_out:
        yield f"<p>Too large for this page: <code>{text(path)}</code></p>"


def _facts(run: RunReport) -> Iterator[tuple[str, str]]:
    """Yield names and values; the caller drops empty values."""
    config, history = run.config, run.history
    provenance = config.get("provenance")
    provenance = provenance if isinstance(provenance, dict) else {}
    yield "run", str(run.folder)
    yield "environment", str(config.get("env") or "")
    yield "algorithm", str(config.get("algo") or "")
    yield "seed", _value(dict(_flat(config.get("settings"))).get("train.seed", ""))
    if len(history.steps):
        total = f" of {history.total:,.0f}" if math.isfinite(history.total) else ""
        yield (
            "trained",
            f"{history.steps[-1]:,.0f}{total} steps in {_number(history.seconds[-1])} s",
        )
    if math.isfinite(rate := history.last("speed")):
        yield "speed", f"{rate:,.0f} steps/s"
    if best := history.best:
        yield "best evaluation", f"return {_number(best.mean)} at {best.steps:,.0f} steps"
    yield "best checkpoint", str(run.checkpoint or "")
    yield "started", str(provenance.get("created") or "")
    yield "command", _command(provenance.get("argv"))
    yield "code", _commit(provenance.get("git"))
    packages = provenance.get("packages")
    if isinstance(packages, dict):
        yield "versions", ", ".join(f"{name} {version}" for name, version in packages.items())
    yield "platform", str(provenance.get("platform") or "")


def _evaluations(rows: Iterable[Evaluation], best: Evaluation | None) -> str:
    header = ("steps", "time, s", "episodes", "return", "std", "95 % interval", "min", "max")
    body = []
    for row in rows:
        interval = f"{_number(row.low)} to {_number(row.high)}" if row.high >= row.low else "-"
        ended = f"{100 * row.terminated:.0f} %" if math.isfinite(row.terminated) else "-"
        numbers = (row.std, interval, row.worst, row.best, row.length, ended)
        body.append((
            f"{row.steps:,.0f}",
            f"{row.seconds:,.0f}" if math.isfinite(row.seconds) else "-",
            _number(row.episodes),
            _number(row.mean),
            *(cell if isinstance(cell, str) else _number(cell) for cell in numbers),
            "best" if row is best else "",
        ))  # fmt: skip
    return _table((*header, "length", "terminated", ""), body)


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return an HTML table with escaped texts; columns of numbers are right-aligned."""
    numeric = [all(_is_number(row[i]) for row in rows) for i in range(len(rows[0]))]

    def line(tag: str, cells: Sequence[Any]) -> str:
        tags = [f'<{tag} class="n">' if right else f"<{tag}>" for right in numeric]
        pairs = zip(tags, cells, strict=True)
        return (
            "<tr>" + "".join(f"{opening}{text(cell)}</{tag}>" for opening, cell in pairs) + "</tr>"
        )

    top = [line("th", header)] if header else []
    return "\n".join(["<table>", *top, *(line("td", row) for row in rows), "</table>"])


def _video(path: Path) -> str:
    kind = _VIDEO_TYPES[path.suffix.lower()]
    source = f'src="data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"'
    name = text(path.name)
    element = (
        f'<img {source} alt="{name}">'
        if kind.startswith("image")
        else f"<video {source} controls loop muted playsinline></video>"
    )
    return f"<figure>{element}<figcaption>{name}</figcaption></figure>"


def _flat(settings: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield settings by full name, such as ppo.learning_rate."""
    for key, value in settings.items() if isinstance(settings, dict) else ():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _value(value: Any) -> str:
    """Format a setting as `--set` takes it."""
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value)


def _command(argv: Any) -> str:
    """Return the command line that started the run, without the path of the script."""
    if not isinstance(argv, list) or not argv:
        return ""
    return shlex.join(["rlctl", *map(str, argv[1:])])


def _commit(git: Any) -> str:
    if not isinstance(git, dict) or not git.get("commit"):
        return ""
    return f"commit {git['commit']}" + ", with changes" * bool(git.get("dirty"))


def _number(value: float) -> str:
    """Format a number with about four digits, `-` for nan."""
    if not math.isfinite(value):
        return "-"
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def _is_number(cell: Any) -> bool:
    return str(cell) == "-" or str(cell).lstrip("+-")[:1].isdigit()
