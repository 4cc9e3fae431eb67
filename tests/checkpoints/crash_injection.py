"""Kills at every operation of a save, a training, an import. Each says what was lost, if anything.

The generators give a line for every kill: what did not hold, "" if all did.
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
os.getppid()  # from here on
workload.work(Path(sys.argv[1]))
"""


def of_saves(folder: Path) -> Iterator[str]:
    """The store's work, gone on with by another process after each kill."""
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
    """A new training, and one that is gone on with; each kill is followed by `train --resume`.

    Args:
        algo: The engine.
        folder: To work in.
        updates: How long the training is; saved and evaluated are all.
        every: Go on after one kill in so many; what was saved is looked at after each.
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
    """An import, which is there whole or not at all, and can be done again."""
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
                yield "" if whole else f"{place}: it is another"
            except RlctlError as error:
                yield f"{place}: {error}"


@contextmanager
def imports() -> Iterator[Callable[[Path], None]]:
    """What imports a policy, named `made`, into a folder; the source is read once for all."""
    source = FOREIGN / "brax_3.pkl"
    foreign = importing.read(importing.look(source))
    with skip_fsync(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            importing, "read", lambda source, actor: foreign
        )  # by a process of its own: slow
        patch.setattr(os, "getpid", lambda: crash_states.NUMBER)  # again, as in containers
        yield lambda place: importing.import_(importing.ImportRequest(source, place / "made"))


def of_processes(folder: Path, every: int = 1) -> Iterator[str]:
    """A process of its own that does the store's work, killed by strace at one of its calls."""
    workload.begin(folder / "run")
    log = folder / "calls"
    _child(shutil.copytree(folder / "run", folder / "dry"))  # which compiles what it imports
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
    """Do the work in a process, under strace if there are options; whether it was killed."""
    strace = ["strace", "-f", *map(str, options)] if options else []
    path = os.pathsep.join([TESTS, os.environ.get("PYTHONPATH", "")])
    child = subprocess.run(
        [*strace, sys.executable, "-c", CHILD, run],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert child.returncode in (0, -9, 137), child.stderr.decode()
    return child.returncode != 0
