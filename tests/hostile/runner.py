"""Runs a command on each hostile file and checks side effects, time and memory."""

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import fakes
from hostile.malicious import checkpoints, folders, pickled, texts
from hostile.malicious.case import Case
from hostile.oracle import run_checked
from sandbox import Guard, isolated

from rlctl.actions import import_
from rlctl.checkpoints.foreign.sandbox import read

SECONDS = 5.0  # CPU time
MEMORY = 200 * 2**20  # plus twice the file size
_SITE = str(Path(__file__).parent / "site")
# First parts of the paths that commands may write.
_EXPECTED = ("cache", "matplotlib", "made", "lock", "p", "p.json", "p.html", "p.svg", "b")


def cases() -> list[Case]:
    """Return all cases."""
    return [case for module in (pickled, folders, checkpoints, texts) for case in module.cases()]


def run_case(case: Case, place: Path, guard: Guard) -> tuple[str, float, int]:
    """Run one case in a new folder.

    Returns:
        The problem, "" for none; CPU seconds; bytes of memory.
    """
    place.mkdir()
    environ = {"PYTHONPATH": f"{_SITE}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    with (
        isolated(place),
        mock.patch.dict(os.environ, environ),
        fakes.idle(),
        mock.patch.object(import_, "read", read),
        mock.patch.object(sys, "path", [str(place), *sys.path]),  # as with PYTHONPATH=.
    ):
        case.make(place)
        (place / "evil.py").write_text("open('canary', 'w')")
        before, size = set(_names(place)), _size(place)
        memory, seconds = _memory(), _seconds()
        done, problem = run_checked(guard, place, case.command.split())
        seconds, memory = _seconds() - seconds, _memory(fresh=False) - memory
    if not problem and done.code not in case.codes:
        problem = f"exit code {done.code}, not {case.codes}: {done.err[-300:]}"
    new = [name for name in _names(place) if name not in before and not _is_expected(name)]
    if new:
        problem = f"{problem}; it wrote {new[:5]}"
    if seconds > SECONDS:
        problem = f"{problem}; it took {seconds:.1f} s"
    if memory > 2 * size + MEMORY:
        problem = f"{problem}; it took {memory:,} bytes"
    return problem, seconds, memory


def children() -> int:
    """Return the peak memory of all child processes, bytes."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def _names(place: Path) -> Iterator[str]:
    for folder, folders_, files in os.walk(place):
        yield from (str(Path(folder, name).relative_to(place)) for name in (*folders_, *files))


def _is_expected(name: str) -> bool:
    parts = Path(name).parts
    return parts[0] in _EXPECTED or parts[-1] == "lock" or parts[:2] == ("r", "checkpoints")


def _size(place: Path) -> int:
    """Return the disk usage of all files, bytes."""
    return sum(512 * os.lstat(place / name).st_blocks for name in _names(place))


def _seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _memory(fresh: bool = True) -> int:
    """Return the peak memory since the last reset, bytes; `fresh` resets it first."""
    if fresh:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
