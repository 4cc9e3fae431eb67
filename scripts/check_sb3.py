"""Check that Stable-Baselines3's PPO learns rlctl/InvertedPendulum-v0: one minute.

    .venv/bin/python scripts/check_sb3.py

Exits 1 unless the mean return of 5 episodes reaches the target. Uses the virtual environment of the
baselines (--venv), which bench_baselines.py makes on first use.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from bench_baselines import BASELINES, ROOT, baselines_python

TARGET = 900.0  # of 1000; an untrained policy gets about 20


def main() -> None:
    """Train and compare the return with the target."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--venv",
        type=Path,
        default=ROOT / ".venv-baselines",
        help="virtual environment of the baselines",
    )
    options = parser.parse_args()
    command = [baselines_python(options.venv), BASELINES / "sb3_on_rlctl.py", "--bar", TARGET]
    settings = {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [str(word) for word in command],
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    data = json.loads(done.stdout.splitlines()[-1])
    print(f"{data['env']}: return {data['before']:.0f} before, {data['after']:.0f} after")
    if data["after"] < TARGET:
        sys.exit(f"the return is under {TARGET:.0f}")


if __name__ == "__main__":
    main()
