"""I/O errors: disks that are full or fail at the n-th operation.

The generators yield one line per fault: what was lost, "" if nothing.
"""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from checkpoints import workload
from checkpoints.faulty_os import System, skip_fsync
from checkpoints.trainings import Reference, cached_compilation

from rlctl.core.errors import OutOfSpace

FAULTS = (
    ("ENOSPC", "none"), ("ENOSPC", "space"), ("EDQUOT", "none"), ("EDQUOT", "space"),
    ("EIO", "none"), ("EIO", "all"),
)  # fmt: skip
LIES = (("DROP", "none"),)  # detected by reading a checkpoint back


def of_saves(folder: Path, every: int = 1) -> Iterator[str]:
    """Test the store: errors are reported, nothing is lost or left, a retry succeeds."""
    with skip_fsync():
        workload.begin(folder / "run")
        before = set(workload.leftovers(folder / "run"))

        def attempt(run: Path, system: System) -> str:
            reported, saved, bug = _run_with_faults(system, partial(workload.work, run))
            if bug:
                return bug
            if lost := workload.find_problem(run, saved):
                return lost
            if not reported and 500 not in saved:
                return "the error was not reported"
            leftovers = {
                name for name in workload.leftovers(run) if not name.startswith(".del-")
            } - before
            if leftovers and system.then_fail != "all":
                return f"left behind: {leftovers}"
            workload.work(run)
            return workload.find_problem(run, [500]) or ", ".join(workload.leftovers(run))

        prepare = partial(shutil.copytree, folder / "run")
        yield from _each(folder, FAULTS + LIES, prepare, attempt, every)


def of_trainings(algo: str, folder: Path, updates: int, every: int) -> Iterator[str]:
    """Test a training: exit 0 only with its last checkpoint, and it can be resumed.

    Args:
        algo: The engine.
        folder: Working folder.
        updates: Length of the training.
        every: Let one in this many operations fail.
    """
    with cached_compilation(), skip_fsync():
        reference = Reference(algo, folder, updates)

        def attempt(run: Path, system: System) -> str:
            reported, saved, bug = _run_with_faults(system, partial(reference.train, run))
            if bug:
                return bug
            if lost := reference.find_problem(run, saved):
                return lost
            if not reported and reference.find_problem(run, [reference.steps]):
                return "exit 0 without the last checkpoint"
            if system.then_fail != "all" and (leftovers := reference.leftovers(run, but=".del-")):
                return f"left behind: {leftovers}"
            return reference.finish_problem(run)

        yield from _each(folder, FAULTS, lambda run: run.parent.mkdir(), attempt, every)


def _run_with_faults(
    system: System, work: Callable[[Callable[[int], None]], object]
) -> tuple[bool, list[int], str]:
    """Return whether OutOfSpace was raised, the steps reported as saved, and any other error."""
    saved: list[int] = []
    try:
        with system.installed():
            work(saved.append)
    except OutOfSpace:
        return True, saved, ""
    except Exception as error:
        return False, saved, f"{type(error).__name__}: {error}"
    return False, saved, ""


def _each(
    folder: Path,
    faults: tuple[tuple[str, str], ...],
    prepare: Callable[[Path], Any],
    attempt: Callable[[Path, System], str],
    every: int,
) -> Iterator[str]:
    """Inject every fault at one in `every` operations, until the work ends without it."""
    for first, (code, then_fail) in enumerate(faults):
        n = 1 + first % every
        while True:
            run = folder / f"{code}-{then_fail}-{n}" / "run"
            prepare(run)
            system = System(folder, n, code, then_fail)
            lost = attempt(run, system)
            yield lost and f"{code} {then_fail} at {n}: {lost}"
            shutil.rmtree(run.parent)
            if system.count < n:
                break
            n += every
