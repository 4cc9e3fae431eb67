"""Worker process of the device checks; it may crash or hang.

    python -m rlctl.actions.device_checks.worker NAME...

Prints one line per check, `MARK` and JSON. Output of libraries is redirected to stderr.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import asdict
from typing import Any

from rlctl import catalog
from rlctl.actions.device_checks.base import ROWS, Finding
from rlctl.core.errors import RlctlError, pip_install
from rlctl.core.files import to_json

MARK = "device-check "
_PACKAGE = "rlctl.actions.device_checks"


def findings(names: list[str]) -> Iterator[dict[str, Any]]:
    """Run the named checks in order; yield name, seconds and finding of each."""
    rows = {row.name: row for row in ROWS}
    for name in names:
        started = time.perf_counter()
        try:
            finding = catalog.load(f"{_PACKAGE}.{rows[name].target}")()
        except (Exception, SystemExit) as error:  # broken packages raise anything
            finding = _failure(error)
        seconds = time.perf_counter() - started
        yield {"name": name, "seconds": round(seconds, 3), **asdict(finding)}


def _failure(error: BaseException) -> Finding:
    if isinstance(error, RlctlError):
        return Finding("fail", None, error.message, error.hint)
    detail = f"{type(error).__name__}: {error}".strip().splitlines()[0]
    if isinstance(error, ModuleNotFoundError):
        return Finding("fail", None, detail, pip_install((error.name or "").split(".")[0]))
    if isinstance(error, ImportError):
        return Finding("fail", None, detail, "the package it names is broken; reinstall it")
    return Finding("fail", None, detail, "`rlctl device-check --json` shows the whole detail")


if __name__ == "__main__":
    output = sys.stdout
    with redirect_stdout(sys.stderr):
        for finding in findings(sys.argv[1:]):
            output.write(MARK + to_json(finding) + "\n")
            output.flush()
