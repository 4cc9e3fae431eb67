"""Prove the promises of docs/reliability.md: break things on purpose, count what did not hold.

    .venv/bin/python scripts/prove.py                      # everything: two hours on two cores
    .venv/bin/python scripts/prove.py kills power          # some of it
    .venv/bin/python scripts/prove.py kills --count 50     # less of it
    .venv/bin/python scripts/prove.py kills --write        # and put its row into the docs

Prints a table and exits with 1 if any promise did not hold. The default suite has smaller
versions of the same.
"""

import argparse
import re
import sys
import time
from importlib import import_module

from proving.proof import ROOT, Proof

DOC = ROOT / "docs" / "reliability.md"
PLACE = re.compile(r"(?<=<!-- prove -->\n).*(?=<!-- /prove -->)", re.DOTALL)
HEAD = "| `prove.py` | promise | tried | broken | figures | s |\n|---|---|---|---|---|---|\n"
PROOFS: dict[str, int] = {  # module in proving/, which has `prove(count) -> Proof`: how often
    "kills": 500,
    "sigkills": 300,
    "power": 1000,
    "failing": 1000,
    "mutations": 10_000,
    "resumes": 125,
    "parts": 1000,
    "signals": 50,
    "malicious": 300,
    "malformed": 300,
    "fuzz": 10_000,
    "drift": 400,
    "locks": 80,
    "readers": 10_000,
    "listing": 5,
    "costs": 20,
    "mechanisms": 100,
}


def main() -> int:
    """Run the proofs asked for, print their rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", choices=[[], *PROOFS], help="which; all if left out")
    parser.add_argument("--count", type=int, help="how often each is tried at least")
    parser.add_argument("--write", action="store_true", help="put the rows into the docs")
    options = parser.parse_args()
    broken = 0
    print(HEAD, end="", flush=True)
    for name in options.names or PROOFS:
        began = time.perf_counter()
        proof = import_module(f"proving.{name}").prove(options.count or PROOFS[name])
        row = written(name, proof, time.perf_counter() - began)
        print(row, flush=True)
        if options.write:
            put(name, row)
        broken += len(proof.broken)
    return min(broken, 1)


def written(name: str, proof: Proof, seconds: float) -> str:
    """A proof's row of the table."""
    figures = ", ".join(f"{what} {figure}" for what, figure in proof.figures.items())
    cells = (name, proof.promise, f"{proof.tried:,}", len(proof.broken), figures, f"{seconds:.0f}")
    return f"| {' | '.join(map(str, cells))} |"


def put(name: str, row: str) -> None:
    """Put a row into the docs' table, in the place of the one before it."""
    text = DOC.read_text()
    rows = {line.split(" | ")[0][2:]: line for line in PLACE.search(text)[0].splitlines()[2:]}
    rows[name] = row
    table = "".join(f"{rows[known]}\n" for known in PROOFS if known in rows)
    DOC.write_text(PLACE.sub(lambda _: HEAD + table, text))


if __name__ == "__main__":
    sys.exit(main())
