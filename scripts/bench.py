"""Benchmark rlctl's speed and memory against limits and against raw physics.

    .venv/bin/python scripts/bench.py                                      # print the table
    .venv/bin/python scripts/bench.py --baselines baselines.json --write   # and write it into docs

Each row is a ratio or a number with its limit. `--baselines` takes the JSON of bench_baselines.py.
Run it on an idle machine: about ten minutes on two cores.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from bench_baselines import ROOT, machine, number
from benching import benches
from benching.measure import Row

DOC = ROOT / "docs" / "benchmarks.md"
BENCHES: dict[str, Callable[[], list[Row]]] = {
    "physics": benches.bench_physics,
    "hopper": benches.bench_hopper,
    "widths": benches.bench_widths,
    "backends": benches.bench_backends,
    "split": benches.bench_split,
    "commands": benches.bench_commands,
    "memory": benches.bench_memory,
}


def main() -> None:
    """Run the benchmarks given on the command line and print their rows."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=BENCHES, help="benchmarks to run")
    parser.add_argument("--baselines", type=Path, help="JSON of bench_baselines.py")
    parser.add_argument("--write", action="store_true", help="write the table into the docs")
    options = parser.parse_args()
    rows: list[Row] = []
    for name in options.only or BENCHES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows += (new := BENCHES[name]())
        print(*(f"  {row['what']}: {row['value']}" for row in new), sep="\n", file=sys.stderr)
    if options.baselines:
        rows += baseline_rows(json.loads(options.baselines.read_text()))
    text = table(rows)
    print(text)
    if options.write:
        before, _, after = DOC.read_text().partition("<!-- bench -->")
        after = after.partition("<!-- /bench -->")[2]
        DOC.write_text(f"{before}<!-- bench -->\n{text}\n<!-- /bench -->{after}")


def baseline_rows(report: Row) -> list[Row]:
    """Convert the rows of bench_baselines.py to this table's form."""
    return [
        {
            "what": r["what"],
            "bar": r["bar"],
            "met": r["met"],
            "value": f"{number(r['ratio'])} ({number(r['rlctl'])} / {number(r['peer'])})",
        }
        for r in report["rows"]
    ]


def table(rows: list[Row]) -> str:
    """Format rows as Markdown, below a line with the machine and the versions."""
    packages = ("jax", "mujoco", "mujoco-mjx", "brax", "numpy")
    from rlctl import __version__

    versions = f"rlctl {__version__}, " + ", ".join(f"{p} {version(p)}" for p in packages)
    lines = [f"{machine()}; {versions}", "", "| what | measured | must reach | met |"]
    lines.append("|---|---|---|---|")
    for row in rows:
        met = {True: "yes", False: "**no**", None: ""}[row["met"]]
        lines.append(
            f"| {re.sub(r'[|]', '/', row['what'])} | {row['value']} | {row['bar']} | {met} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
