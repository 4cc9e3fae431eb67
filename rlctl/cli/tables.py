"""Tables as people read them. What is too wide for a terminal wraps, or goes below its row."""

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

from rlctl.cli.formatting import cells

_GAP, _INDENT = 2, 2  # columns of the terminal
_NOTHING = ("", "-")
_PROSE = 24  # a cell that is longer and has blanks may wrap
_NARROWEST = 18  # wrapped to less, words are hard to read

Row = Sequence[str]


def table(
    header: Row, rows: Sequence[Row], room: int | None, emphasize: Callable[[str], str]
) -> Iterator[str]:
    """The lines of a table. Columns of numbers align right.

    Args:
        header: The names of the columns.
        rows: At least one, each as long as the header.
        room: Width of the terminal; None to keep every row on one line.
        emphasize: Makes a line of the header stand out.
    """
    right = [all(_numeric(row[i]) for row in rows) for i in range(len(header))]
    widths = _widths([header, *rows], right, room)
    for line in _lines(header, right, widths, room):
        yield emphasize(line)
    for row in rows:
        yield from _lines(row, right, widths, room)


def _widths(rows: Sequence[Row], right: Sequence[bool], room: int | None) -> list[int]:
    """Widths of the columns side by side: as many from the left as there is room for."""
    columns = list(zip(*rows, strict=True))
    natural = [max(map(cells, column)) for column in columns]
    if room is None:
        return natural
    prose = [
        i > 0 and not right[i] and any(cells(cell) > _PROSE and " " in cell for cell in column)
        for i, column in enumerate(columns)
    ]
    for count in range(len(columns), 1, -1):
        spare = room - _GAP * (count - 1) - sum(natural[:count])
        if spare >= 0:
            return natural[:count]
        loose = [i for i in range(count) if prose[i]]
        if not loose:
            continue
        share = (spare + sum(natural[i] for i in loose)) // len(loose)
        if share >= _NARROWEST:
            return [min(natural[i], share) if i in loose else natural[i] for i in range(count)]
    return natural[:1]


def _lines(row: Row, right: Sequence[bool], widths: list[int], room: int | None) -> Iterator[str]:
    """A row: its cells side by side, and below them those that there is no room for."""
    beside = [_wrapped(cell, width, True) for cell, width in zip(row, widths, strict=False)]
    for parts in zip_longest(*beside, fillvalue=""):
        placed = (
            " " * (width - cells(part)) + part if numbers else part + " " * (width - cells(part))
            for part, width, numbers in zip(parts, widths, right, strict=False)
        )
        yield (" " * _GAP).join(placed).rstrip()
    if below := (" " * _GAP).join(cell for cell in row[len(widths) :] if cell not in _NOTHING):
        for line in _wrapped(below, (room or 0) - _INDENT, False):
            yield " " * _INDENT + line


def _wrapped(text: str, width: int, break_words: bool) -> list[str]:
    """The lines of a text; `break_words` where one that is too long would hide what is beside."""
    if cells(text) <= width:
        return [text]
    from textwrap import wrap

    return wrap(text, max(width, 1), break_long_words=break_words, break_on_hyphens=False)


def _numeric(cell: str) -> bool:
    return cell in _NOTHING or cell.lstrip("+-")[:1].isdigit()
