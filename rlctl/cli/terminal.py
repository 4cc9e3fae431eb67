"""Lines at the bottom of a terminal that are redrawn in place."""

from collections.abc import Sequence
from typing import IO

from rlctl.cli.formatting import display_width, terminal_columns

_ERASE_LINE, _ERASE_BELOW = "\033[K", "\033[J"


class Screen:
    """Lines at the bottom of a terminal; every change is one write, which avoids flicker.

    Args:
        stream: A terminal with cursor control.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lines: list[str] = []

    @property
    def columns(self) -> int:
        """Current width of the terminal."""
        return terminal_columns(self._stream)

    def draw(self, lines: Sequence[str]) -> None:
        """Replace the lines."""
        if list(lines) == self._lines:
            return
        if len(lines) == len(self._lines) == self._rows():
            pairs = zip(lines, self._lines, strict=True)
            changed = ["" if new == old else new + _ERASE_LINE for new, old in pairs]
            self._put(self._top() + "\n".join(changed))
        else:
            self._put(self._top() + _ERASE_BELOW + "\n".join(lines))
        self._lines = list(lines)

    def write(self, text: str) -> None:
        """Print a line above the lines."""
        self._put(f"{self._top()}{_ERASE_BELOW}{text}\n" + "\n".join(self._lines))

    def clear(self) -> None:
        """Remove the lines."""
        if self._lines:
            self._put(self._top() + _ERASE_BELOW)
        self._lines = []

    def _top(self) -> str:
        """Return the sequence that moves from the last line to the start of the first."""
        rows = self._rows()
        return "\r" + (f"\033[{rows - 1}A" if rows > 1 else "")

    def _rows(self) -> int:
        """Return the rows that the lines take; a line wraps if the terminal was made narrower."""
        width = max(self.columns, 1)
        return sum(max(1, -(-display_width(line) // width)) for line in self._lines)

    def _put(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
