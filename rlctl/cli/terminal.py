"""Some lines of a terminal that are drawn again and again in place, below what is printed."""

from collections.abc import Sequence
from typing import IO

from rlctl.cli.formatting import cells, columns

_ERASE_LINE, _ERASE_BELOW = "\033[K", "\033[J"


class Screen:
    """The lines at the bottom. Every change is one write, so that nothing flickers.

    Args:
        stream: A terminal that moves its cursor when told to.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lines: list[str] = []

    @property
    def columns(self) -> int:
        """How wide the terminal is now."""
        return columns(self._stream)

    def draw(self, lines: Sequence[str]) -> None:
        """Show these lines in place of those before."""
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
        """Print a line above."""
        self._put(f"{self._top()}{_ERASE_BELOW}{text}\n" + "\n".join(self._lines))

    def clear(self) -> None:
        """Take the lines away."""
        if self._lines:
            self._put(self._top() + _ERASE_BELOW)
        self._lines = []

    def _top(self) -> str:
        """Move to the first line's first column, from the last line."""
        rows = self._rows()
        return "\r" + (f"\033[{rows - 1}A" if rows > 1 else "")

    def _rows(self) -> int:
        """How many rows the lines take; more than there are where the terminal was wider."""
        width = max(self.columns, 1)
        return sum(max(1, -(-cells(line) // width)) for line in self._lines)

    def _put(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
