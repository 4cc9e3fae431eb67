"""User errors: each gives one clear message and the right exit code."""

import subprocess
import sys

from reliability_checks.result import ROOT, CheckResult

PROMISE = "a mistake gives one clear error with the right exit code; nothing is written"
TESTS = ("tests/cli/test_bad_rows.py", "tests/cli/test_bad_input.py")


def run(count: int) -> CheckResult:
    """Run the tables of the tests; `count` is the least number of rows expected."""
    result = CheckResult(PROMISE)
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "--no-header", "--tb=no", *TESTS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    rows = [line for line in done.stdout.splitlines() if line.startswith(("PASSED", "FAILED"))]
    for line in rows:
        result.record(line.startswith("PASSED"), line)
    result.record(len(rows) >= count, f"{len(rows)} rows, not {count}: {done.stdout[-500:]}")
    return result
