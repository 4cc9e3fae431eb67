"""Train with many seeds and roundings and count how many learn: scripts/robustness.py ENV.

One seed on one processor may be luck. Limiting XLA to older instruction sets changes the rounding,
as another processor would. Finished trainings in the output folder are kept, so an interrupted call
can be repeated.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

ROUNDINGS = {
    "native": "",
    "AVX2": "--xla_cpu_max_isa=AVX2",
    "SSE4_2": "--xla_cpu_max_isa=SSE4_2",
}
Row = dict[str, Any]


def train(args: argparse.Namespace, seed: int, rounding: str) -> Row:
    """Train once, unless the run is already finished; return the outcome."""
    env = args.env.replace(":", "_").replace("/", "_")
    run = args.out / f"{env}-{args.algo}-{rounding}-s{seed}"
    done = run.with_name(f"{run.name}.json")
    if not done.is_file():
        shutil.rmtree(run, ignore_errors=True)  # unfinished
        command = [sys.executable, "-m", "rlctl", "train", args.env, "--algo", args.algo, "-q"]
        command += ["--cpu", "--seed", str(seed), "--out", str(run), "--set", "train.plot=false"]
        if args.steps:
            command += ["--steps", str(args.steps)]
        for text in args.set:
            command += ["--set", text]
        flags = f"{os.environ.get('XLA_FLAGS', '')} {ROUNDINGS[rounding]}".strip()
        began = time.perf_counter()
        result = subprocess.run(
            command,
            env={**os.environ, "XLA_FLAGS": flags},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if result.returncode:
            raise SystemExit(f"{' '.join(command)}\n{result.stderr}")
        done.write_text(json.dumps({"wall": time.perf_counter() - began}))
    return outcome(run, seed, rounding, json.loads(done.read_text())["wall"], args.target)


def outcome(run: Path, seed: int, rounding: str, wall: float, target: float | None) -> Row:
    """Return the steps and seconds to the target return, and the best and last return.

    Args:
        run: The run's folder.
        seed: Its seed.
        rounding: Its rounding.
        wall: Seconds from the command's start to its end.
        target: Return that counts as learned, None for the run's setting.
    """
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    evals = [row for row in rows if row["kind"] == "eval"]
    if target is None:
        target = json.loads((run / "config.json").read_text())["settings"]["train"]["target_return"]
    if target is None:
        raise SystemExit(f"{run.name} has no train.target_return; give --target")
    if not evals:
        raise SystemExit(f"{run.name} has no evaluation; set train.num_evals")
    reached = next((row for row in evals if row["return"]["mean"] >= target), None)
    before = wall - rows[-1]["seconds"]  # imports, and saving at the end
    return {
        "seed": seed,
        "rounding": rounding,
        "target": target,
        "steps": reached and reached["steps"],
        "seconds": reached and reached["seconds"] + before,
        "best": max(row["return"]["mean"] for row in evals),
        "last": evals[-1]["return"]["mean"],
    }


def report(rows: list[Row]) -> dict[str, Any]:
    """Summarise trainings: number learned, median and 95 % time, worst returns."""
    seconds = sorted(row["seconds"] for row in rows if row["seconds"] is not None)
    steps = sorted(row["steps"] for row in rows if row["steps"] is not None)
    return {
        "trainings": len(rows),
        "learned": len(seconds),
        "target": rows[0]["target"],
        "seconds_median": median(seconds) if seconds else None,
        "seconds_p95": percentile(seconds, 0.95) if seconds else None,
        "steps_median": median(steps) if steps else None,
        "steps_p95": percentile(steps, 0.95) if steps else None,
        "last_median": median(row["last"] for row in rows),
        "last_worst": min(row["last"] for row in rows),
        "best_worst": min(row["best"] for row in rows),
    }


def percentile(ordered: list[float], fraction: float) -> float:
    """Return the smallest number that at least this fraction of `ordered` does not exceed."""
    return ordered[math.ceil(fraction * len(ordered)) - 1]


def main() -> None:
    """Run all trainings, print a line for each, then the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("env")
    parser.add_argument("--algo", default="ppo")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--roundings", nargs="+", choices=ROUNDINGS, default=list(ROUNDINGS))
    parser.add_argument("--steps", type=int, help="environment steps; default: the preset's")
    parser.add_argument("--target", type=float, help="target return; default: the preset's")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--jobs", type=int, default=1, help="parallel trainings")
    parser.add_argument(
        "--min-share", type=float, default=0.0, help="exit 1 if a smaller fraction learns"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/robustness"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    cases = list(product(range(args.seeds), args.roundings))
    rows = []
    with ThreadPoolExecutor(args.jobs) as pool:
        for row in pool.map(lambda case: train(args, *case), cases):
            rows.append(row)
            print(json.dumps(row), flush=True)
    summary = report(rows)
    print(json.dumps(summary, indent=2))
    if summary["learned"] / len(rows) < args.min_share:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
