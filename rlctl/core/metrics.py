"""Rows of figures, one JSON line each, in the file as soon as they are written."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from rlctl.core.files import to_json, write_atomic, writing
from rlctl.core.safe_io import parse_json

Row = dict[str, Any]


class Metrics:
    """A file of rows. Non-finite numbers are written as null.

    Args:
        path: The file; made with the first row.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None
        self._waiting = b""  # what the disk had no room for
        self._end = 0  # of what was written as it should be

    def write(self, row: Row) -> None:
        """Append a row.

        Raises:
            OutOfSpace: The disk is full, or the file cannot be written. The row is kept, and
                written with the next one.
        """
        self._waiting += to_json(row).encode() + b"\n"
        self.flush()

    def flush(self, durable: bool = False) -> None:
        """Write the rows that are kept.

        Args:
            durable: See to it that they outlive a loss of power, like all before them.

        Raises:
            OutOfSpace: As `write`.
        """
        with writing(self.path):
            if self._file is None and self._waiting:
                self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - see `close`
                self._end = os.fstat(self._file.fileno()).st_size
            if self._waiting and os.fstat(self._file.fileno()).st_size > self._end:
                os.ftruncate(self._file.fileno(), self._end)  # a write that failed left a part
            while self._waiting:
                written = self._file.write(self._waiting)
                self._end += written
                self._waiting = self._waiting[written:]
            if self._file is not None and durable:
                os.fsync(self._file.fileno())

    def rows(self) -> Iterator[Row]:
        """The rows written so far; what is none, such as a line cut off by a crash, is left out."""
        if not self.path.is_file():
            return
        for line in self.path.read_bytes().splitlines():
            try:
                row = parse_json(line)
            except ValueError:
                continue
            if isinstance(row, dict) and isinstance(row.get("steps", 0), int | float):
                yield row

    def keep(self, wanted: Callable[[Row], bool]) -> None:
        """Drop the rows that are not wanted, and what was cut off: they are written again."""
        self.close()
        if self.path.is_file():
            kept = [to_json(row) + "\n" for row in self.rows() if wanted(row)]
            write_atomic(self.path, "".join(kept).encode())

    def close(self) -> None:
        """Close the file; the next row opens it again."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # what was to be durable is already, see `flush`
                file.close()
