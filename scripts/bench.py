"""Measure rlctl's speed and memory against limits and against the raw physics, in one run.

    .venv/bin/python scripts/bench.py                          # print the table
    .venv/bin/python scripts/bench.py --peers peers.json --write   # and put it into the docs

Every row is a ratio or a figure with what it must reach. Peers are raced by bench_peers.py, whose
JSON --peers takes. Leave the machine alone meanwhile: it takes about ten minutes on two cores.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from bench_peers import ROOT, machine, number
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
    """Run the benchmarks asked for, print their rows."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=BENCHES, help="some of the benchmarks")
    parser.add_argument("--peers", type=Path, help="the JSON of bench_peers.py")
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    options = parser.parse_args()
    rows: list[Row] = []
    for name in options.only or BENCHES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows += (new := BENCHES[name]())
        print(*(f"  {row['what']}: {row['value']}" for row in new), sep="\n", file=sys.stderr)
    if options.peers:
        rows += peer_rows(json.loads(options.peers.read_text()))
    text = table(rows)
    print(text)
    if options.write:
        before, _, after = DOC.read_text().partition("<!-- bench -->")
        after = after.partition("<!-- /bench -->")[2]
        DOC.write_text(f"{before}<!-- bench -->\n{text}\n<!-- /bench -->{after}")


def peer_rows(report: Row) -> list[Row]:
    """The rows of bench_peers.py in this table's form."""
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
    """Rows as Markdown, under the machine and the versions."""
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
