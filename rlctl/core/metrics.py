"""Metrics file: one JSON object per line, written unbuffered."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from rlctl.core.files import to_json, write_atomic, writing
from rlctl.core.safe_io import parse_json

Row = dict[str, Any]


class Metrics:
    """Metrics file. Non-finite numbers are written as null.

    Args:
        path: The file; created with the first row.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None
        self._buffer = b""  # rows not written yet because the disk is full
        self._end = 0  # offset after the last complete write

    def write(self, row: Row) -> None:
        """Append a row.

        Raises:
            OutOfSpace: The disk is full, or the file is not writable. The row is kept and
                written with the next one.
        """
        self._buffer += to_json(row).encode() + b"\n"
        self.flush()

    def flush(self, durable: bool = False) -> None:
        """Write the buffered rows.

        Args:
            durable: Also fsync, so that all rows survive a power loss.

        Raises:
            OutOfSpace: See `write`.
        """
        with writing(self.path):
            if self._buffer:
                self._write_buffer(self._opened())
            if self._file is not None and durable:
                os.fsync(self._file.fileno())

    def _opened(self) -> IO[bytes]:
        """Return the file, opened before its first row."""
        if self._file is None:
            self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - see `close`
            self._end = os.fstat(self._file.fileno()).st_size
        return self._file

    def _write_buffer(self, file: IO[bytes]) -> None:
        if os.fstat(file.fileno()).st_size > self._end:
            os.ftruncate(file.fileno(), self._end)  # drop part of a failed write
        while self._buffer:
            written = file.write(self._buffer)
            self._end += written
            self._buffer = self._buffer[written:]

    def rows(self) -> Iterator[Row]:
        """Iterate over the rows written so far; skips invalid lines, e.g. after a crash."""
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
        """Keep only the wanted rows: rewrites the file without the others and invalid lines."""
        self.close()
        if self.path.is_file():
            kept = [to_json(row) + "\n" for row in self.rows() if wanted(row)]
            write_atomic(self.path, "".join(kept).encode())

    def close(self) -> None:
        """Close the file; the next row opens it again."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # `flush` has already made rows durable
                file.close()
