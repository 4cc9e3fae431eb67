"""Terminal rendering of a status: a framed block on wide terminals, else one or two lines."""

from collections.abc import Callable, Sequence
from typing import Any

from rlctl.cli.console import escape_controls
from rlctl.cli.formatting import (
    aligned,
    bar,
    clip_start,
    display_width,
    duration,
    number,
    percent,
    short_count,
    sparkline,
)
from rlctl.cli.status import Status

WIDE = 110  # columns; a training has a block from this width on
WIDEST = 124  # columns of a block
_LABEL, _GAP = 12, 3  # columns
_BOLD, _DIM, _GREEN, _CYAN = "1", "2", "32", "36"
_FRAME = {True: "╭─╮│╰╯", False: "+-+|++"}

_LOSSES_FIRST = ("policy_std", "kl_mean", "kl", "entropy", "v_loss", "explained_variance")

Colorize = Callable[[str, str], str]
Part = tuple[str, str]  # text and its color
_QUICK = ("rollout", "update", "save", "")  # phases too short to be shown by name
_SLOW = 2.0  # seconds after which even they are shown by name


class StatusRenderer:
    """Renderer of a status.

    Args:
        colorize: (text, color) -> the text in that color, or unchanged.
        unicode: Whether to use Unicode bars, sparklines and frames.
    """

    def __init__(self, colorize: Colorize = lambda text, color: text, unicode: bool = True) -> None:
        self._colorize, self._unicode = colorize, unicode

    def render(self, status: Status, columns: int) -> list[str]:
        """Return the lines, none wider than the terminal."""
        if status.start and columns >= WIDE:
            return self._block(status, min(columns, WIDEST) - 1)
        return self._compact(status, columns - 1)

    def format_evaluation(self, status: Status) -> list[str]:
        """Return a line for the newest evaluation, and an explanation before the first."""
        newest = status.evaluations[-1]
        width = max(len(f"{status.total:,}"), len(f"{newest.steps:,}"))
        known = number(newest.std) != "-"
        spread = f" +- {aligned(newest.std):<7}" if known else ""
        line = f"evaluation {duration(newest.seconds):>7}  {newest.steps:>{width},} steps"
        mark = "  " + self._colorize("best so far", _GREEN) if newest.best else ""
        lines = [f"{line}  return {aligned(newest.mean):>9}{spread}{mark}".rstrip()]
        if known and len(status.evaluations) == 1:
            over = f"the {newest.episodes} episodes" if newest.episodes else "episodes"
            lines.insert(0, f"evaluations: mean return +- its standard deviation over {over}")
        return lines

    # --- two lines ---

    def _compact(self, status: Status, width: int) -> list[str]:
        phase = (f"{_phase_text(status):<13}", _BOLD)
        if not status.total:
            return [self._fit([phase], width)]
        filled = bar(status.fraction, max(0, min(20, width - 58)), self._unicode)
        count = f"{short_count(status.steps)}/{short_count(status.total)} {status.unit}"
        first = [phase, (filled, _CYAN), (f"{percent(status.fraction):>5}", ""), (count, "")]
        first += [(text, "") for text in (duration(status.elapsed), _eta(status))]
        second = [part for part in (*_score(status), *_best(status), *_rate(status)) if part[0]]
        if status.unit != "steps" or not second:
            return [self._fit(first, width, gap=2)]
        return [self._fit(first, width, gap=2), self._fit([(" " * 13, ""), *second], width)]

    # --- the block ---

    def _block(self, status: Status, width: int) -> list[str]:
        inner = width - 4
        rows = [
            (_phase_text(status), self._progress(status, inner)),
            ("time", _times(status)),
            ("return", _returns(status)),
            ("evaluation", _evaluations(status)),
            ("history", self._history(status)),
            ("update", _losses(status.metrics)),
        ]
        corner = _FRAME[self._unicode]
        lines = [self._edge(corner[0], corner[2], _title(status, inner), width)]
        for label, parts in rows:
            text = self._fit([(f"{label:<{_LABEL}}", _DIM), *parts], inner)
            side = self._colorize(corner[3], _DIM)
            lines.append(f"{side} {text}{' ' * (inner - display_width(text))} {side}")
        return [*lines, self._edge(corner[4], corner[5], ("", ""), width)]

    def _edge(self, left: str, right: str, title: tuple[str, str], width: int) -> str:
        dash = _FRAME[self._unicode][1]
        first, last = (f" {text} " if text else "" for text in title)
        fill = dash * (width - 4 - display_width(first) - display_width(last))
        dim = [self._colorize(text, _DIM) for text in (left + dash, fill, last, dash + right)]
        return dim[0] + self._colorize(first, _BOLD) + "".join(dim[1:])

    def _progress(self, status: Status, inner: int) -> list[Part]:
        if not status.total:
            return []
        count = f"{status.steps:,} of {status.total:,} {status.unit}"
        done = f"{percent(status.fraction):>5}"
        width = inner - _LABEL - 3 * _GAP - len(done) - 2 * len(f"{status.total:,}") - 10
        return [(bar(status.fraction, width, self._unicode), _CYAN), (done, _BOLD), (count, "")]

    def _history(self, status: Status) -> list[Part]:
        evaluations = status.evaluations
        if not evaluations:
            return []
        means = [evaluation.mean for evaluation in evaluations]
        planned = max(status.planned_evaluations, len(evaluations))
        line = sparkline(means, 40, self._unicode)
        return [
            (f"{line:<{min(planned, 40)}}", _CYAN),
            (f"{len(evaluations)} of {planned} evaluations", ""),
            (f"{number(min(means))} to {number(max(means))}", _DIM),
        ]

    def _fit(self, parts: Sequence[Part], width: int, gap: int = _GAP) -> str:
        """Join as many parts as fit into `width`."""
        text, used = "", 0
        for word, color in parts:
            if not word:
                continue
            space = gap if used and text.strip() else 0
            if used + space + display_width(word) > width:
                break
            text += " " * space + (self._colorize(word, color) if color else word)
            used += space + display_width(word)
        return text


def _phase_text(status: Status) -> str:
    """Return the phase, with its duration if it is long."""
    if status.phase in _QUICK and status.metrics and status.phase_seconds < _SLOW:
        return "training" if status.start else "working"
    clock = f" {duration(status.phase_seconds)}" if status.phase_seconds >= 1 else ""
    return status.phase + clock


def _title(status: Status, width: int) -> tuple[str, str]:
    start = status.start
    name = escape_controls(f"{start.get('env')} with {start.get('algo')}")
    return name, clip_start(
        escape_controls(str(start.get("run", ""))), width - display_width(name) - 8
    )


def _eta(status: Status) -> str:
    return "" if status.remaining is None else f"ETA {duration(status.remaining)}"


def _times(status: Status) -> list[Part]:
    rate = f"{status.rate:,.0f}" if status.rate else "-"
    return [
        (f"{duration(status.elapsed) + ' so far':<14}", ""),
        (f"{_eta(status) or 'ETA -':<11}", _BOLD),
        (f"{rate:>9} steps/s", ""),
        (
            "  ".join(f"{word} {percent(part):>4}" for word, part in status.time_split().items()),
            _DIM,
        ),
    ]


def _score(status: Status) -> list[Part]:
    value = status.metrics.get("return")
    return [] if value is None else [(f"return {aligned(value):>7}", _BOLD)]


def _best(status: Status) -> list[Part]:
    return [] if status.best is None else [(f"best eval {aligned(status.best.mean)}", _GREEN)]


def _rate(status: Status) -> list[Part]:
    return [(f"{short_count(status.rate)} steps/s", "")] if status.rate else []


def _returns(status: Status) -> list[Part]:
    value, length = (status.metrics.get(name) for name in ("return", "length"))
    if value is None:
        return [("no episode has ended yet", _DIM)]
    return [
        (f"{aligned(value):<9}", _BOLD),
        (f"episode length {aligned(length):<9}", ""),
        (f"{status.metrics.get('episodes', 0):,} episodes of training", _DIM),
    ]


def _evaluations(status: Status) -> list[Part]:
    target = [] if status.target is None else [(f"target {number(status.target)}", _CYAN)]
    if status.best is None:
        return [("none yet", _DIM), *target]
    last, best = status.evaluations[-1], status.best
    over = f" (std of {last.episodes} episodes)" if last.episodes else ""
    spread = "" if number(last.std) == "-" else f" +- {aligned(last.std)}{over}"
    return [
        (f"{aligned(last.mean)}{spread}", _BOLD),
        (f"best {aligned(best.mean)} at {best.steps:,}", _GREEN),
        *target,
    ]


def _losses(row: dict[str, Any]) -> list[Part]:
    values = {"learning_rate": row.get("learning_rate"), **row.get("losses", {})}
    names = [name for name in _LOSSES_FIRST if name in values]
    names += [name for name in values if name not in names]
    return [
        (f"{name.replace('_', ' ')} {number(values[name]):<9}", "")
        for name in names
        if values[name] is not None
    ]
