"""SIGTERM at random times during real trainings."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from reliability_checks.result import ROOT, CheckResult

GRACE = 10.0  # seconds
TRAININGS = {
    "barkour": (),
    "barkour with evaluations": ("--set", "train.num_evals=500"),
    "hopper by TRPO": ("--algo", "trpo", "--set", "train.num_evals=100"),
    "ant on MJX": ("--physics", "jax", "--num-envs", "1024", "--set", "train.num_evals=2000"),
    "pendulum with films": ("--video-every", "20000", "--set", "train.num_evals=400"),
}


def run(count: int) -> CheckResult:
    """Stop `count` trainings. The first of each kind has an empty compile cache."""
    result = CheckResult(f"SIGTERM: everything is saved and the process ends within {GRACE:.0f} s")
    slowest = 0.0
    with TemporaryDirectory() as folder:
        for i in range(count):
            name, extra = list(TRAININGS.items())[i % len(TRAININGS)]
            rng, run = random.Random(f"{name} {i}"), Path(folder, str(i))
            env = {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": f"{folder}/cache"}
            command = [sys.executable, "-m", "rlctl", "train", name.split()[0], *extra]
            training = subprocess.Popen(
                [*command, "--out", str(run), "--cpu", "--json"],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=os.environ | env,
            )
            assert training.stdout is not None
            training.stdout.readline()  # the start event: training has begun
            time.sleep(rng.uniform(0, 15))
            sent = time.perf_counter()
            training.send_signal(signal.SIGTERM)
            envelope = json.loads(training.communicate(timeout=120)[0].splitlines()[-1])
            taken = time.perf_counter() - sent
            slowest = max(slowest, taken)
            what = (
                f"{name} {i}: exit {training.returncode} after {taken:.1f} s: {envelope['error']}"
            )
            result.record(
                taken <= GRACE and _saved_correctly(training.returncode, run, envelope), what
            )
    result.measurements["slowest"] = f"{slowest:.1f} s"
    return result


def _saved_correctly(code: int, run: Path, envelope: dict) -> bool:
    """Check the saved state: exit 143 with the last step saved, 12 before any update."""
    from rlctl.checkpoints import store

    if code == 12:
        return not store.steps(run / "checkpoints")
    newest = store.newest_verified(run / "checkpoints", groups=("policy",))
    rows = (run / "metrics.jsonl").read_text().splitlines()
    last = max(json.loads(row)["steps"] for row in rows)
    return code == 143 and newest.step == envelope["data"]["steps"] == last
