"""What is drawn of a status on a terminal: a framed block where there is room, else two lines."""

from collections.abc import Callable, Sequence
from typing import Any

from rlctl.cli.console import harmless
from rlctl.cli.formatting import (
    bar,
    cells,
    clipped,
    curve,
    duration,
    number,
    percent,
    short,
    steady,
)
from rlctl.cli.status import Status

WIDE = 110  # columns from which a training has a block
WIDEST = 124  # columns of a block
_LABEL, _GAP = 12, 3  # columns
_BOLD, _DIM, _GREEN, _CYAN = "1", "2", "32", "36"
_FRAME = {True: "╭─╮│╰╯", False: "+-+|++"}

_TOLD_FIRST = ("policy_std", "kl_mean", "kl", "entropy", "v_loss", "explained_variance")

Paint = Callable[[str, str], str]
Part = tuple[str, str]  # a text, and the color it has where there are colors
_QUICK = ("rollout", "update", "save", "")  # phases too short to be followed by eye
_SLOW = 2.0  # seconds after which such a phase is named all the same


class Drawing:
    """Draws a status.

    Args:
        paint: (text, color) -> the text in that color, or as it is.
        unicode: Whether bars, curves and frames can be printed.
    """

    def __init__(self, paint: Paint = lambda text, color: text, unicode: bool = True) -> None:
        self._paint, self._unicode = paint, unicode

    def lines(self, status: Status, columns: int) -> list[str]:
        """The lines, none wider than the terminal."""
        if status.start and columns >= WIDE:
            return self._block(status, min(columns, WIDEST) - 1)
        return self._narrow(status, columns - 1)

    def newest_evaluation(self, status: Status) -> list[str]:
        """The newest evaluation as a line; before the first one what its figures are."""
        found = status.evaluations[-1]
        width = max(len(f"{status.total:,}"), len(f"{found.steps:,}"))
        known = number(found.std) != "-"
        spread = f" +- {steady(found.std):<7}" if known else ""
        line = f"evaluation {duration(found.seconds):>7}  {found.steps:>{width},} steps"
        mark = "  " + self._paint("best so far", _GREEN) if found.best else ""
        lines = [f"{line}  return {steady(found.mean):>9}{spread}{mark}".rstrip()]
        if known and len(status.evaluations) == 1:
            over = f"the {found.episodes} episodes" if found.episodes else "episodes"
            lines.insert(0, f"evaluations: mean return +- its standard deviation over {over}")
        return lines

    # --- two lines ---

    def _narrow(self, status: Status, width: int) -> list[str]:
        doing = (f"{_doing(status):<13}", _BOLD)
        if not status.total:
            return [self._fitted([doing], width)]
        long = bar(status.share, max(0, min(20, width - 58)), self._unicode)
        count = f"{short(status.steps)}/{short(status.total)} {status.unit}"
        first = [doing, (long, _CYAN), (f"{percent(status.share):>5}", ""), (count, "")]
        first += [(text, "") for text in (duration(status.elapsed), _eta(status))]
        second = [part for part in (*_score(status), *_best(status), *_rate(status)) if part[0]]
        if status.unit != "steps" or not second:
            return [self._fitted(first, width, gap=2)]
        return [self._fitted(first, width, gap=2), self._fitted([(" " * 13, ""), *second], width)]

    # --- the block ---

    def _block(self, status: Status, width: int) -> list[str]:
        inner = width - 4
        rows = [
            (_doing(status), self._done(status, inner)),
            ("time", _times(status)),
            ("return", _returns(status)),
            ("evaluation", _evaluations(status)),
            ("history", self._history(status)),
            ("update", _losses(status.row)),
        ]
        corner = _FRAME[self._unicode]
        lines = [self._edge(corner[0], corner[2], _title(status, inner), width)]
        for label, parts in rows:
            text = self._fitted([(f"{label:<{_LABEL}}", _DIM), *parts], inner)
            side = self._paint(corner[3], _DIM)
            lines.append(f"{side} {text}{' ' * (inner - cells(text))} {side}")
        return [*lines, self._edge(corner[4], corner[5], ("", ""), width)]

    def _edge(self, left: str, right: str, title: tuple[str, str], width: int) -> str:
        dash = _FRAME[self._unicode][1]
        first, last = (f" {text} " if text else "" for text in title)
        fill = dash * (width - 4 - cells(first) - cells(last))
        dim = [self._paint(text, _DIM) for text in (left + dash, fill, last, dash + right)]
        return dim[0] + self._paint(first, _BOLD) + "".join(dim[1:])

    def _done(self, status: Status, inner: int) -> list[Part]:
        if not status.total:
            return []
        count = f"{status.steps:,} of {status.total:,} {status.unit}"
        share = f"{percent(status.share):>5}"
        room = inner - _LABEL - 3 * _GAP - len(share) - 2 * len(f"{status.total:,}") - 10
        return [(bar(status.share, room, self._unicode), _CYAN), (share, _BOLD), (count, "")]

    def _history(self, status: Status) -> list[Part]:
        found = status.evaluations
        if not found:
            return []
        means = [evaluation.mean for evaluation in found]
        planned = max(status.planned_evaluations, len(found))
        line = curve(means, 40, self._unicode)
        return [
            (f"{line:<{min(planned, 40)}}", _CYAN),
            (f"{len(found)} of {planned} evaluations", ""),
            (f"{number(min(means))} to {number(max(means))}", _DIM),
        ]

    def _fitted(self, parts: Sequence[Part], width: int, gap: int = _GAP) -> str:
        """The parts side by side, as many as there is room for."""
        text, used = "", 0
        for word, color in parts:
            if not word:
                continue
            space = gap if used and text.strip() else 0
            if used + space + cells(word) > width:
                break
            text += " " * space + (self._paint(word, color) if color else word)
            used += space + cells(word)
        return text


def _doing(status: Status) -> str:
    """The phase, and its clock if it takes long."""
    if status.phase in _QUICK and status.row and status.in_phase < _SLOW:
        return "training" if status.start else "working"
    clock = f" {duration(status.in_phase)}" if status.in_phase >= 1 else ""
    return status.phase + clock


def _title(status: Status, width: int) -> tuple[str, str]:
    start = status.start
    name = harmless(f"{start.get('env')} with {start.get('algo')}")
    return name, clipped(harmless(str(start.get("run", ""))), width - cells(name) - 8)


def _eta(status: Status) -> str:
    return "" if status.left is None else f"ETA {duration(status.left)}"


def _times(status: Status) -> list[Part]:
    rate = f"{status.rate:,.0f}" if status.rate else "-"
    return [
        (f"{duration(status.elapsed) + ' so far':<14}", ""),
        (f"{_eta(status) or 'ETA -':<11}", _BOLD),
        (f"{rate:>9} steps/s", ""),
        ("  ".join(f"{word} {percent(part):>4}" for word, part in status.split().items()), _DIM),
    ]


def _score(status: Status) -> list[Part]:
    value = status.row.get("return")
    return [] if value is None else [(f"return {steady(value):>7}", _BOLD)]


def _best(status: Status) -> list[Part]:
    return [] if status.best is None else [(f"best eval {steady(status.best.mean)}", _GREEN)]


def _rate(status: Status) -> list[Part]:
    return [(f"{short(status.rate)} steps/s", "")] if status.rate else []


def _returns(status: Status) -> list[Part]:
    value, length = (status.row.get(name) for name in ("return", "length"))
    if value is None:
        return [("no episode has ended yet", _DIM)]
    return [
        (f"{steady(value):<9}", _BOLD),
        (f"episode length {steady(length):<9}", ""),
        (f"{status.row.get('episodes', 0):,} episodes of training", _DIM),
    ]


def _evaluations(status: Status) -> list[Part]:
    target = [] if status.target is None else [(f"target {number(status.target)}", _CYAN)]
    if status.best is None:
        return [("none yet", _DIM), *target]
    last, best = status.evaluations[-1], status.best
    over = f" (std of {last.episodes} episodes)" if last.episodes else ""
    spread = "" if number(last.std) == "-" else f" +- {steady(last.std)}{over}"
    return [
        (f"{steady(last.mean)}{spread}", _BOLD),
        (f"best {steady(best.mean)} at {best.steps:,}", _GREEN),
        *target,
    ]


def _losses(row: dict[str, Any]) -> list[Part]:
    found = {"learning_rate": row.get("learning_rate"), **row.get("losses", {})}
    names = [name for name in _TOLD_FIRST if name in found]
    names += [name for name in found if name not in names]
    return [
        (f"{name.replace('_', ' ')} {number(found[name]):<9}", "")
        for name in names
        if found[name] is not None
    ]
