"""Training on a small disk, in a separate mount namespace; prints the outcome as JSON.

unshare -rm sh -c "mount -t tmpfs -o size=SIZE tmpfs DISK && python full_disk.py DISK"
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from rlctl.checkpoints import store

TRAIN = [
    *(sys.executable, "-m", "rlctl", "train", "pendulum", "--algo", "trpo", "--cpu", "--json"),
    *("--num-envs", "16", "--steps", "960", "--save-every", "160"),
    *(word for setting in (
        "train.num_evals=0", "train.plot=false", "train.keep_last=9", "trpo.steps_per_update=160",
        "trpo.policy_hidden_layer_sizes=16", "trpo.value_hidden_layer_sizes=16",
    ) for word in ("--set", setting)),
]  # fmt: skip


def main() -> None:
    """Train on a disk that fits two or three checkpoints, free some space, and resume."""
    disk = Path(sys.argv[1])
    folder = disk / "run" / "checkpoints"
    first = subprocess.run([*TRAIN, "--out", str(disk / "run")], capture_output=True, text=True)
    outcome = {
        "code": first.returncode,
        "error": json.loads(first.stdout.splitlines()[-1])["error"],
        "warnings": [line for line in first.stderr.splitlines() if line.startswith("warning")],
        "steps": store.steps(folder),
        "newest": store.newest_verified(folder).path.name,
        "left": sorted(name for name in os.listdir(folder) if name.startswith(".")),
    }
    subprocess.run(["mount", "-o", "remount,size=10m", str(disk)], check=True)
    command = [*TRAIN[:4], "--resume", str(disk / "run"), "--cpu", "--json"]
    again = subprocess.run(command, capture_output=True, text=True)
    print(
        json.dumps({**outcome, "again": again.returncode, "newest_then": store.steps(folder)[-1]})
    )


if __name__ == "__main__":
    main()
