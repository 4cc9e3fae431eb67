"""Prove the promises of docs/checkpoints.md: break things on purpose, count what did not hold.

    .venv/bin/python scripts/prove.py                      # everything
    .venv/bin/python scripts/prove.py kills power          # some of it
    .venv/bin/python scripts/prove.py kills --count 50     # less of it

Prints a table and exits with 1 if any promise did not hold. The default suite has smaller
versions of the same.
"""

import argparse
import sys
import time
from importlib import import_module

PROOFS: dict[str, int] = {  # module in proving/, which has `prove(count) -> Proof`: how often
    "kills": 500,
    "sigkills": 300,
    "power": 1000,
    "failing": 1000,
    "resumes": 125,
    "parts": 1000,
    "signals": 50,
    "costs": 20,
    "drift": 400,
    "locks": 80,
    "readers": 10_000,
    "listing": 5,
    "mechanisms": 100,
    "mutations": 10_000,
    "malicious": 300,
    "malformed": 300,
    "fuzz": 10_000,
}


def main() -> int:
    """Run the proofs asked for, print their rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", choices=[[], *PROOFS], help="which; all if left out")
    parser.add_argument("--count", type=int, help="how often each is tried at least")
    options = parser.parse_args()
    broken = 0
    print("| proof | promise | tried | broken | figures | seconds |\n|---|---|---|---|---|---|")
    for name in options.names or PROOFS:
        began = time.perf_counter()
        proof = import_module(f"proving.{name}").prove(options.count or PROOFS[name])
        figures = ", ".join(f"{what} {figure}" for what, figure in proof.figures.items())
        row = (name, proof.promise, f"{proof.tried:,}", len(proof.broken), figures)
        print(
            "|", *(f"{cell} |" for cell in row), f"{time.perf_counter() - began:.0f} |", flush=True
        )
        broken += len(proof.broken)
    return min(broken, 1)


if __name__ == "__main__":
    sys.exit(main())
