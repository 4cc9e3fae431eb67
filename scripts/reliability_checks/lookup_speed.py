"""Lookup times in folders with thousands of checkpoints and runs."""

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from reliability_checks.result import CheckResult

CHECKPOINTS, RUNS = 5_000, 1_000
LIMIT = 0.5  # seconds


def run(count: int) -> CheckResult:
    """Time every listing and lookup function `count` times."""
    from rlctl.checkpoints import find, store
    from rlctl.cli.options import complete_ckpt
    from rlctl.core import checkpoint_names, runs

    result = CheckResult(f"one of {CHECKPOINTS:,} checkpoints or {RUNS:,} runs is found fast")
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        made = make_runs(root)
        long = root / "long"
        os.utime(long / checkpoint_names.FOLDER / made[-1].name)
        work: dict[str, Callable[[], object]] = {
            "steps": lambda: store.steps(long / checkpoint_names.FOLDER),
            "newest_verified": lambda: store.newest_verified(long / checkpoint_names.FOLDER),
            "best": lambda: store.best(long / checkpoint_names.FOLDER),
            "prune": lambda: store.prune(long / checkpoint_names.FOLDER, CHECKPOINTS),
            "prune every": lambda: store.prune(long / checkpoint_names.FOLDER, 3, keep_every=1),
            "save": lambda: save_next(long / checkpoint_names.FOLDER),
            "find RUN": lambda: find.open_checkpoint(str(long)),
            "find nothing": lambda: find.open_checkpoint(None, root=root),
            "names": lambda: runs.names(root),
            "latest_run of another": lambda: runs.latest_run(root, "x1"),
            "completion": lambda: complete_ckpt("l"),
        }
        os.environ["RLCTL_RUNS"] = str(root)
        for name, task in work.items():
            seconds = [timed(task) for _ in range(count)]
            result.measurements[f"{name} ms"] = f"{1e3 * statistics.median(seconds):.1f}"
            result.record(min(seconds) < LIMIT, f"{name} took {min(seconds):.2f} s")
    return result


def make_runs(root: Path) -> list[Path]:
    """Create `RUNS` runs with one checkpoint each and one run with `CHECKPOINTS`."""
    from checkpoints.sample_checkpoints import save

    from rlctl.checkpoints import manifest, store

    for number in range(RUNS):
        run = root / f"run-{number}"
        (run / "checkpoints" / "step_000000000001").mkdir(parents=True)
        (run / "config.json").write_text(json.dumps({"env": f"x{number}"}))
    folder = root / "long" / "checkpoints"
    made = [save(folder, 1)]
    (root / "long" / "config.json").write_text(json.dumps({"env": "pendulum"}))
    content = json.loads((made[0] / manifest.NAME).read_bytes())
    for step in range(2, CHECKPOINTS + 1):
        path = store.step_folder(folder, step)
        path.mkdir()
        for name in content["files"]:
            os.link(made[0] / name, path / name)
        (path / manifest.NAME).write_bytes(manifest.encode({**content, "step": step}))
        made.append(path)
    store.mark_best(folder, CHECKPOINTS // 2)
    return made


def save_next(folder: Path) -> None:
    """Save the next step's checkpoint."""
    from checkpoints.sample_checkpoints import save

    from rlctl.checkpoints import store

    save(folder, store.steps(folder)[-1] + 1)


def timed(task: Callable[[], object]) -> float:
    """Return the seconds that a task takes."""
    began = time.perf_counter()
    task()
    return time.perf_counter() - began
