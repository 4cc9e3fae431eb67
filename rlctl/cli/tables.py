"""Text tables; cells that are too wide for the terminal wrap, or go below their row."""

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

from rlctl.cli.formatting import display_width

_GAP, _INDENT = 2, 2  # columns of the terminal
_NOTHING = ("", "-")
_PROSE = 24  # longer cells with spaces may wrap
_MIN_WRAPPED = 18  # narrower columns are hard to read

Row = Sequence[str]


def table(
    header: Row, rows: Sequence[Row], width_limit: int | None, emphasize: Callable[[str], str]
) -> Iterator[str]:
    """Yield the lines of a table; columns of numbers are right-aligned.

    Args:
        header: Names of the columns.
        rows: At least one row; each is as long as the header.
        width_limit: Width of the terminal; None to keep every row on one line.
        emphasize: Formats a line of the header.
    """
    right = [all(_numeric(row[i]) for row in rows) for i in range(len(header))]
    widths = _widths([header, *rows], right, width_limit)
    for line in _lines(header, right, widths, width_limit):
        yield emphasize(line)
    for row in rows:
        yield from _lines(row, right, widths, width_limit)


def _widths(rows: Sequence[Row], right: Sequence[bool], width_limit: int | None) -> list[int]:
    """Return the widths of the columns that fit side by side, from the left."""
    columns = list(zip(*rows, strict=True))
    natural = [max(map(display_width, column)) for column in columns]
    if width_limit is None:
        return natural
    prose = [
        i > 0
        and not right[i]
        and any(display_width(cell) > _PROSE and " " in cell for cell in column)
        for i, column in enumerate(columns)
    ]
    for count in range(len(columns), 1, -1):
        spare = width_limit - _GAP * (count - 1) - sum(natural[:count])
        if spare >= 0:
            return natural[:count]
        flexible = [i for i in range(count) if prose[i]]
        if not flexible:
            continue
        share = (spare + sum(natural[i] for i in flexible)) // len(flexible)
        if share >= _MIN_WRAPPED:
            return [min(natural[i], share) if i in flexible else natural[i] for i in range(count)]
    return natural[:1]


def _lines(
    row: Row, right: Sequence[bool], widths: list[int], width_limit: int | None
) -> Iterator[str]:
    """Yield the lines of a row: cells side by side, then those that do not fit."""
    beside = [_wrapped(cell, width, True) for cell, width in zip(row, widths, strict=False)]
    for parts in zip_longest(*beside, fillvalue=""):
        placed = (
            " " * (width - display_width(part)) + part
            if numbers
            else part + " " * (width - display_width(part))
            for part, width, numbers in zip(parts, widths, right, strict=False)
        )
        yield (" " * _GAP).join(placed).rstrip()
    if below := (" " * _GAP).join(cell for cell in row[len(widths) :] if cell not in _NOTHING):
        for line in _wrapped(below, (width_limit or 0) - _INDENT, False):
            yield " " * _INDENT + line


def _wrapped(text: str, width: int, break_words: bool) -> list[str]:
    """Wrap a text; `break_words` keeps a long word from running into the next column."""
    if display_width(text) <= width:
        return [text]
    from textwrap import wrap

    return wrap(text, max(width, 1), break_long_words=break_words, break_on_hyphens=False)


def _numeric(cell: str) -> bool:
    return cell in _NOTHING or cell.lstrip("+-")[:1].isdigit()
