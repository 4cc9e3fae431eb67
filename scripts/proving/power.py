"""Power cuts at every operation of saves, trainings and imports."""

from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from proving.proof import Proof  # first, as it says where the tests lie

from checkpoints import power_loss  # isort: skip


def prove(count: int) -> Proof:
    """Draw what may be left, more of it after every operation for more states."""
    proof = Proof("a power cut at any operation: nothing saved is lost, nothing wrong is accepted")
    each = max(1, count // 125)
    with TemporaryDirectory() as name:
        room = Path(name)
        for part in ("saves", "imports", "ppo", "trpo"):
            (room / part).mkdir()
        lines = chain(
            power_loss.of_saves(room / "saves", each),
            power_loss.of_imports(room / "imports", each),
            *(
                power_loss.of_trainings(algo, room / algo, 4, each, every=25)
                for algo in ("ppo", "trpo")
            ),
        )
        proof.check_trainings(lines)
    return proof
