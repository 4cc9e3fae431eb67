"""Crash injection: kills at every operation of saves, trainings and imports.

The generators yield one line per kill: what was lost, "" if nothing.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from checkpoints import crash_states, disk_model, workload
from checkpoints.faulty_os import skip_fsync
from checkpoints.foreign_cases import FOLDER as FOREIGN
from checkpoints.trainings import Reference, cached_compilation

from rlctl.actions import import_ as importing
from rlctl.checkpoints.reading import load
from rlctl.core.errors import RlctlError

SYSCALLS = ("openat", "mkdir", "write", "fsync", "close", "rename", "unlink", "unlinkat", "rmdir")
TESTS = str(Path(__file__).parents[1])
CHILD = """
import os, sys
from pathlib import Path
from checkpoints import workload
os.getppid()  # marks the start in the trace
workload.work(Path(sys.argv[1]))
"""


def of_saves(folder: Path) -> Iterator[str]:
    """Test the store: another process repeats the work after each kill."""
    with skip_fsync():
        workload.begin(folder / "run")
        record = crash_states.record(
            folder, lambda system: workload.work(folder / "run", system.note)
        )
        for n, (saved, tree) in enumerate(crash_states.kills(*record)):
            run = disk_model.write(tree, folder / f"kill{n}") / "run"
            lost = workload.find_problem(run, saved)
            workload.work(run)
            yield lost or workload.find_problem(run, [500]) or ", ".join(workload.leftovers(run))


def of_trainings(algo: str, folder: Path, updates: int, every: int = 1) -> Iterator[str]:
    """Test a new and a resumed training; `train --resume` follows the kills.

    Args:
        algo: The engine.
        folder: Working folder.
        updates: Length of the training; each update is saved and evaluated.
        every: Resume after one in this many kills; checkpoints are checked after each.
    """
    with cached_compilation(), skip_fsync():
        reference = Reference(algo, folder, updates)
        for start, there, record in reference.records(folder, updates):
            for n, (saved, tree) in enumerate(crash_states.kills(*record)):
                run = disk_model.write(tree, folder / f"{start}{n}") / "run"
                lost = reference.find_problem(run, there + saved)
                if n % every == 0:
                    lost = lost or reference.finish_problem(run)
                yield lost and f"{algo} {run}: {lost}"
                shutil.rmtree(run.parent)


def of_imports(folder: Path) -> Iterator[str]:
    """Test an import: complete or absent, and repeatable."""
    with imports() as work:
        (folder / "imports").mkdir()
        record = crash_states.record(folder / "imports", lambda system: work(folder / "imports"))
        made = load(folder / "imports" / "made").manifest["files"]
        for n, (_, tree) in enumerate(crash_states.kills(*record)):
            place = disk_model.write(tree, folder / f"import{n}")
            try:
                if not (place / "made").exists():
                    work(place)
                whole = load(place / "made").manifest["files"] == made
                yield "" if whole else f"{place}: it has other files"
            except RlctlError as error:
                yield f"{place}: {error}"


@contextmanager
def imports() -> Iterator[Callable[[Path], None]]:
    """Yield a function that imports a policy as `made` into a folder; reads the source once."""
    source = FOREIGN / "brax_3.pkl"
    foreign = importing.read(importing.open_source(source))
    with skip_fsync(), pytest.MonkeyPatch.context() as patch:
        # The real reader starts a process, which is slow.
        patch.setattr(importing, "read", lambda source, actor: foreign)
        patch.setattr(os, "getpid", lambda: crash_states.NUMBER)  # same id again, as in containers
        yield lambda place: importing.import_(importing.ImportRequest(source, place / "made"))


def of_processes(folder: Path, every: int = 1) -> Iterator[str]:
    """Test the store in a real process, killed by strace at one of its system calls."""
    workload.begin(folder / "run")
    log = folder / "calls"
    _child(shutil.copytree(folder / "run", folder / "dry"))  # compiles the imports
    _child(shutil.copytree(folder / "run", folder / "counted"), "-o", log, "-e", "trace=all")
    before, _, work = log.read_text().partition("getppid()")
    for name in SYSCALLS:
        done, more = (len(re.findall(rf"\b{name}\(", text)) for text in (before, work))
        for n in range(done + 1, done + more + 1, every):
            run = shutil.copytree(folder / "run", folder / f"{name}{n}")
            killed = _child(run, "-o", "/dev/null", "-e", f"inject={name}:signal=KILL:when={n}")
            lost = "" if killed else "was not killed"
            lost = lost or workload.find_problem(run, [])
            workload.work(run)
            yield lost or workload.find_problem(run, [500]) or ", ".join(workload.leftovers(run))


def _child(run: Path, *options: object) -> bool:
    """Run the workload in a process, under strace with options; return whether it was killed."""
    strace = ["strace", "-f", *map(str, options)] if options else []
    path = os.pathsep.join([TESTS, os.environ.get("PYTHONPATH", "")])
    child = subprocess.run(
        [*strace, sys.executable, "-c", CHILD, run],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert child.returncode in (0, -9, 137), child.stderr.decode()
    return child.returncode != 0
