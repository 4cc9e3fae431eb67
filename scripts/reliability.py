"""Test the promises of docs/reliability.md: inject faults and count violations.

    .venv/bin/python scripts/reliability.py                        # all checks: 2 h on 2 cores
    .venv/bin/python scripts/reliability.py crash power_loss       # some checks
    .venv/bin/python scripts/reliability.py crash --count 50       # fewer trials
    .venv/bin/python scripts/reliability.py crash --write          # put its row into the docs

Prints a table. Exits with 1 if any promise was violated. The test suite has smaller versions of
these checks.
"""

import argparse
import re
import sys
import time
from importlib import import_module

from reliability_checks.result import ROOT, CheckResult

DOC = ROOT / "docs" / "reliability.md"
TABLE = re.compile(r"(?<=<!-- reliability -->\n).*(?=<!-- /reliability -->)", re.DOTALL)
HEAD = "| check | promise | trials | violations | measured | s |\n|---|---|---|---|---|---|\n"
CHECKS: dict[str, int] = {  # module in reliability_checks/ with `run(count)`: default count
    "crash": 500,
    "random_kill": 300,
    "power_loss": 1000,
    "io_faults": 1000,
    "corruption": 10_000,
    "resume": 125,
    "state_sensitivity": 1000,
    "sigterm": 50,
    "malicious": 300,
    "bad_input": 300,
    "fuzz": 10_000,
    "compatibility": 400,
    "locking": 80,
    "concurrent_readers": 10_000,
    "lookup_speed": 5,
    "save_cost": 20,
    "mutation": 100,
}


def main() -> int:
    """Run the checks given on the command line and print their rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "names", nargs="*", choices=[[], *CHECKS], help="checks to run; default: all"
    )
    parser.add_argument("--count", type=int, help="least number of trials per check")
    parser.add_argument("--write", action="store_true", help="write the rows into the docs")
    options = parser.parse_args()
    violations = 0
    print(HEAD, end="", flush=True)
    for name in options.names or CHECKS:
        began = time.perf_counter()
        result = import_module(f"reliability_checks.{name}").run(options.count or CHECKS[name])
        row = table_row(name, result, time.perf_counter() - began)
        print(row, flush=True)
        if options.write:
            write_row(name, row)
        violations += len(result.violations)
    return min(violations, 1)


def table_row(name: str, result: CheckResult, seconds: float) -> str:
    """Return a check's row of the table."""
    measured = ", ".join(f"{what} {value}" for what, value in result.measurements.items())
    trials, violations = f"{result.trials:,}", len(result.violations)
    cells = (name, result.promise, trials, violations, measured, f"{seconds:.0f}")
    return f"| {' | '.join(map(str, cells))} |"


def write_row(name: str, row: str) -> None:
    """Replace a check's row in the table of docs/reliability.md."""
    text = DOC.read_text()
    rows = {line.split(" | ")[0][2:]: line for line in TABLE.search(text)[0].splitlines()[2:]}
    rows[name] = row
    table = "".join(f"{rows[known]}\n" for known in CHECKS if known in rows)
    DOC.write_text(TABLE.sub(lambda _: HEAD + table, text))


if __name__ == "__main__":
    sys.exit(main())
