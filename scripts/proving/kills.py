"""Kills at every operation of saves, trainings and imports."""

from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from proving.proof import Proof  # first, as it says where the tests lie

from checkpoints import crash_injection  # isort: skip


def prove(count: int) -> Proof:
    """Kill at every operation; trainings are made longer for more of them."""
    proof = Proof("a kill at any operation: nothing saved is lost, the next command needs no help")
    updates = max(2, count // 110)
    with TemporaryDirectory() as name:
        room = Path(name)
        for part in ("saves", "processes", "imports", "ppo", "trpo"):
            (room / part).mkdir()
        lines = chain(
            crash_injection.of_saves(room / "saves"),
            crash_injection.of_imports(room / "imports"),
            crash_injection.of_processes(room / "processes"),
            *(crash_injection.of_trainings(algo, room / algo, updates) for algo in ("ppo", "trpo")),
        )
        proof.check_trainings(lines)
    return proof
