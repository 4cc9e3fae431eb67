"""Rows of figures, one JSON line each, on the disk as soon as they are written."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from rlctl.core.files import to_json, write_atomic, writing
from rlctl.core.untrusted import parse_json


class Metrics:
    """A file of rows. Non-finite numbers are written as null.

    Args:
        path: The file; made with the first row.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def write(self, row: dict[str, Any]) -> None:
        """Append a row.

        Raises:
            OutOfSpace: The disk is full, or the file cannot be written.
        """
        with writing(self.path):
            if self._file is None:
                self._file = open(self.path, "ab")  # noqa: SIM115 - closed by `close`
            self._file.write(to_json(row).encode() + b"\n")
            self._file.flush()

    def rows(self) -> Iterator[dict[str, Any]]:
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

    def truncate_after(self, step: int) -> None:
        """Drop the rows past `step`, which a resumed training writes again."""
        self.close()
        if self.path.is_file():
            kept = [to_json(row) + "\n" for row in self.rows() if row.get("steps", 0) <= step]
            write_atomic(self.path, "".join(kept).encode())

    def close(self) -> None:
        """Close the file; the next row opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None
