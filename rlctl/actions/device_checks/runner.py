"""Runner of device checks in a worker process, which is replaced if it crashes or hangs."""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import rlctl
from rlctl.actions.device_checks.base import Check, Row
from rlctl.actions.device_checks.worker import MARK

_WORKER = "rlctl.actions.device_checks.worker"


def run(rows: Sequence[Row]) -> Iterator[Check]:
    """Run the checks in order; yield each as it finishes."""
    while rows:
        done = 0
        with _Process(rows) as process:
            for done, row in enumerate(rows, 1):  # noqa: B007  counted
                check = process.next(row)
                yield check or process.failure(row)
                if check is None:
                    break
        rows = rows[done:]


class _Process:
    """A worker process and its output."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._stderr = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115  __exit__
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", _WORKER, *(row.name for row in rows)],
            env=_variables(),
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            errors="replace",
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), daemon=True
        )
        self._reader.start()
        self._since = time.monotonic()

    def next(self, row: Row) -> Check | None:
        """Wait for the next check; return None if the worker ended or timed out."""
        self._since = time.monotonic()
        deadline = self._since + row.seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left)
            except queue.Empty:
                return None
            if line is None:
                return None
            if line.startswith(MARK):  # other lines are printed by C libraries
                return Check(**json.loads(line.removeprefix(MARK)), needed=row.needed)
        return None

    def failure(self, row: Row) -> Check:
        """Return a failed check for the one during which the worker crashed or hung."""
        try:
            code = self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            detail = f"no answer after {row.seconds:.0f} s"
        else:
            detail = f"crashed with signal {-code}" if code < 0 else f"ended with code {code}"
        self._stderr.seek(0)
        last = self._stderr.read().strip().splitlines()[-1:]
        return Check(
            row.name,
            "fail",
            round(time.monotonic() - self._since, 3),
            None,
            ": ".join([detail, *last]),
            "the tested package is broken; reinstall it",
            row.needed,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._stderr.close()

    def _read(self, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put(None)


def _variables() -> dict[str, Any]:
    """Return the worker's environment: the same packages, no preallocated GPU memory."""
    root = str(Path(rlctl.__file__).parents[1])
    others = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([others, root] if others else [root])
    return {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", **os.environ, "PYTHONPATH": path}
