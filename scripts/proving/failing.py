"""Disks that are full or fail at the n-th operation of saves and trainings."""

from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from proving.proof import Proof  # first, as it says where the tests lie

from checkpoints import io_errors  # isort: skip


def prove(count: int) -> Proof:
    """Let every operation of saves fail in every way, and of trainings as many as asked for."""
    proof = Proof("a full or failing disk: told, nothing lost or left, exit 0 only if all is saved")
    every = {"trpo": max(1, 3000 // count), "ppo": max(1, 12_000 // count)}  # the latter is slower
    with TemporaryDirectory() as name:
        room = Path(name)
        for part in ("saves", "ppo", "trpo"):
            (room / part).mkdir()
        lines = chain(
            io_errors.of_saves(room / "saves"),
            *(io_errors.of_trainings(algo, room / algo, 2, each) for algo, each in every.items()),
        )
        proof.check_trainings(lines)
    return proof
