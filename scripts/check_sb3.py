"""Check that Stable-Baselines3 trains on rlctl: its PPO on rlctl/InvertedPendulum-v0, in a minute.

    .venv/bin/python scripts/check_sb3.py

Exits 1 unless the mean return of 5 episodes reaches the bar. Runs in the virtual environment of the
peers (--venv), which bench_peers.py makes on first use.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from bench_peers import PEERS, ROOT, peers_python

BAR = 900.0  # of 1000; an untrained policy gets about 20


def main() -> None:
    """Train, compare, say so."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv-peers", help="of the peers")
    options = parser.parse_args()
    command = [peers_python(options.venv), PEERS / "sb3_on_rlctl.py", "--bar", BAR]
    settings = {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [str(word) for word in command],
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    figures = json.loads(done.stdout.splitlines()[-1])
    print(f"{figures['env']}: return {figures['before']:.0f} before, {figures['after']:.0f} after")
    if figures["after"] < BAR:
        sys.exit(f"the return is under {BAR:.0f}")


if __name__ == "__main__":
    main()
