"""Every mistake is told in one clear error, with the right exit code."""

import subprocess
import sys

from proving.proof import ROOT, Proof

PROMISE = "a mistake is told in one clear error with the right exit code; nothing is written"
TESTS = ("tests/cli/test_bad_rows.py", "tests/cli/test_bad_input.py")


def prove(count: int) -> Proof:
    """Run the tests' tables; `count` is how many rows there must be at least."""
    proof = Proof(PROMISE)
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "--no-header", "--tb=no", *TESTS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    rows = [line for line in done.stdout.splitlines() if line.startswith(("PASSED", "FAILED"))]
    for line in rows:
        proof.check(line.startswith("PASSED"), line)
    proof.check(len(rows) >= count, f"{len(rows)} rows, not {count}: {done.stdout[-500:]}")
    return proof
