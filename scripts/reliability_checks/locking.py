"""Many trainings started simultaneously in one folder: exactly one gets the lock."""

import json
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

from reliability_checks.result import ROOT, CheckResult

STARTS = 100
LEFT = "pid {} on {} since 2026-01-01T00:00:00+00:00"


def run(count: int) -> CheckResult:
    """Start `STARTS` processes simultaneously, `count` times."""
    result = CheckResult(
        "of 100 trainings started together in a folder one gets it, the others exit with 11"
    )
    ways = list(product(("open", "create"), ("system", "file"), (False, True)))
    for number in range(count):
        how, locks, left = ways[number % len(ways)]
        with tempfile.TemporaryDirectory() as scratch:
            codes = start(Path(scratch), how, locks, left)
        what = f"{how}, locked by {locks}{', left by a killed one' if left else ''}: {codes}"
        result.record(codes == [0, *[11] * (STARTS - 1)], what)
    result.measurements["processes"] = f"{count * STARTS:,}"
    return result


def start(folder: Path, how: str, locks: str, left: bool) -> list[int]:
    """Start the processes and return their sorted exit codes."""
    from rlctl.core import lock

    if how == "open":
        (folder / "config.json").write_text(json.dumps({}))
    if left:
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        name = lock.NAME if locks == "system" else lock.LOCK_FILE
        (folder / name).write_text(LEFT.format(gone.pid, lock.socket.gethostname()))
    script = ROOT / "tests" / "core" / "starts.py"
    command = [sys.executable, str(script), str(folder), str(STARTS), how, locks]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return [int(code) for code in done.stdout.split()]
