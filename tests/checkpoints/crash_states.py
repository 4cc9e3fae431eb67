"""Possible disk contents after a kill or a power loss, computed from recorded operations."""

import os
import pickle
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from checkpoints import disk_model
from checkpoints.disk_model import Disk, RunResult, Tree
from checkpoints.faulty_os import System

State = tuple[list[int], Tree]  # steps reported as saved, content of the folder

NUMBER = 99_999_999  # process id during the recording


def record(folder: Path, work: Callable[[System], None]) -> tuple[Tree, RunResult]:
    """Run some work below a folder; return the content before it and its operations.

    The recorded process has another id than the processes that resume its work.
    """
    before = disk_model.read(folder)
    with pytest.MonkeyPatch.context() as patch, System(folder).installed() as system:
        patch.setattr(os, "getpid", lambda: NUMBER)
        work(system)
    model = Disk(before)
    for operation in system.record:
        model.do(*operation)
    assert model.now() == disk_model.read(folder), "the record is incomplete"
    return before, system.record


def kills(before: Tree, operations: RunResult) -> Iterator[State]:
    """Yield the state after a kill at every modifying operation and in the middle of writes."""
    model, saved, last = Disk(before), [], before
    yield [], before
    for name, *args in operations:
        if name == "note":
            saved.append(*args)
        halves = [args]
        if name == "write":
            descriptor, data = args
            half = len(data) // 2
            halves = [(descriptor, data[:half]), (descriptor, data[half:])]
        for part in halves:
            model.do(name, *part)
            if (tree := model.now()) != last:
                yield list(saved), tree
                last = tree


def power_cuts(before: Tree, operations: RunResult, each: int) -> Iterator[State]:
    """Yield distinct states after a power loss: samples `each` states after every operation."""
    model, saved, chance, seen = Disk(before), [], Random(0), set()
    for name, *args in operations:
        model.do(name, *args)
        if name == "note":
            saved.append(*args)
        for _ in range(each):
            tree = model.after_power_cut(chance)
            digest = sha256(pickle.dumps((saved, tree))).digest()
            if digest not in seen:
                seen.add(digest)
                yield list(saved), tree
