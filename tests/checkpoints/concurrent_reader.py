"""Concurrent reader: one process saves and prunes, another loads `latest` and `best`."""

import json
import os
import sys
import time
from multiprocessing import Event, Process
from pathlib import Path
from typing import Any

from checkpoints.sample_checkpoints import facts, groups

from rlctl.checkpoints import store
from rlctl.checkpoints.find import open_checkpoint


def read(run: Path, loads: int, started: Any) -> tuple[dict[str, int], list[str]]:
    """Load the newest and the best alternately.

    Args:
        run: The run's folder, written by another process.
        loads: Number of loads.
        started: Event, set once there is a checkpoint.

    Returns:
        `latest` or `best` -> number of different checkpoints loaded; and the errors.
    """
    wrong, steps = [], {"latest": set(), "best": set()}
    started.wait(60)
    for number in range(loads):
        which = ("latest", "best")[number % 2]
        warnings: list[str] = []
        try:
            found = open_checkpoint(
                f"{run}@{which}", warn=warnings.append, groups=("policy", "train", "envs")
            )
        except Exception as error:
            wrong.append(f"{which}: {type(error).__name__}: {error}")
            continue
        steps[which].add(found.step)
        wrong += [f"{which}: warned {line}" for line in warnings]
        if found.groups["envs"]["qpos"].tobytes() != groups(found.step)["envs"]["qpos"].tobytes():
            wrong.append(f"{which}: the arrays of step {found.step} are those of another step")
    return {which: len(found) for which, found in steps.items()}, wrong


def write(run: str, started: Any, ended: Any) -> None:
    """Save, mark the best and prune until `ended` is set, without fsync."""
    os.fsync = lambda descriptor: None  # faster saves, so more of them coincide with loads
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
    """Run a writer while this process reads; return the counts, the errors and the seconds."""
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
