"""A process that saves and prunes without end, and one that reads what --ckpt means meanwhile."""

import json
import os
import sys
import time
from multiprocessing import Event, Process
from pathlib import Path
from typing import Any

from checkpoints.sample_checkpoints import facts, groups

from rlctl.checkpoints import store
from rlctl.checkpoints.find import opened


def read(run: Path, loads: int, started: Any) -> tuple[dict[str, int], list[str]]:
    """Load the newest and the best in turn.

    Args:
        run: Its folder, written by somebody else.
        loads: How often.
        started: Set once there is a checkpoint.

    Returns:
        Text of --ckpt -> how many different checkpoints were loaded; and what went wrong.
    """
    wrong, steps = [], {"latest": set(), "best": set()}
    started.wait(60)
    for number in range(loads):
        which = ("latest", "best")[number % 2]
        told: list[str] = []
        try:
            found = opened(f"{run}@{which}", tell=told.append, groups=("policy", "train", "envs"))
        except Exception as error:
            wrong.append(f"{which}: {type(error).__name__}: {error}")
            continue
        steps[which].add(found.step)
        wrong += [f"{which}: told {line}" for line in told]
        if found.groups["envs"]["qpos"].tobytes() != groups(found.step)["envs"]["qpos"].tobytes():
            wrong.append(f"{which}: the arrays of step {found.step} are others'")
    return {which: len(found) for which, found in steps.items()}, wrong


def write(run: str, started: Any, ended: Any) -> None:
    """Save, mark the best and prune, until told to end; without waiting for the disk."""
    os.fsync = lambda descriptor: None  # saves come quicker, and meet more loads
    folder, step = Path(run) / "checkpoints", 0
    while not ended.is_set():
        step += 1
        best = {"step": step - step % 3, "return": 0.0} if step >= 3 else None
        store.save(folder, step, facts(step, best=best), groups(step))
        if step % 3 == 0:
            store.mark_best(folder, step)
        store.prune(folder, keep_last=1)
        started.set() if step > 3 else None


def race(run: Path, loads: int) -> tuple[dict[str, int], list[str], float]:
    """Have one write while this process reads: what was read, what went wrong, seconds."""
    (run / "checkpoints").mkdir(parents=True)
    (run / "config.json").write_text('{"env": "pendulum"}')
    started, ended = Event(), Event()
    writer = Process(target=write, args=(str(run), started, ended))
    writer.start()
    began = time.perf_counter()
    try:
        return *read(run, loads, started), time.perf_counter() - began
    finally:
        ended.set()
        writer.join()


if __name__ == "__main__":
    different, wrong, _ = race(Path(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps({"different": different, "wrong": wrong}))
