"""No change to a checkpoint is taken for the checkpoint."""

import random
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from proving.proof import Proof

PROMISE = "a changed checkpoint is refused, with the file's name and the right exit code"


def prove(count: int) -> Proof:
    """Damage and forge `count` times in all, and show a sample to every command that loads."""
    from checkpoints import forging, patient
    from checkpoints.damage import DAMAGE
    from checkpoints.saving import save
    from hostile import loading
    from private_place import private

    proof, rng = Proof(PROMISE), random.Random(0)
    with TemporaryDirectory() as folder, private(Path(folder)) as place:
        save(place / "made", 6).rename(place / "other")
        sick = patient.Patient(save(place, 5))
        cases = [(name, file) for name in DAMAGE for file in sick.files]
        slowest = 0.0
        for i in range(count * 2 // 3):
            name, file = cases[i % len(cases)]
            done = sick.hurt(name, file, rng)
            began = time.perf_counter()
            proof.check(not (why := sick.examined(done.code)), f"{file} {name}: {why}")
            slowest = max(slowest, time.perf_counter() - began)
        for data in forging.raw():
            proof.check(not (why := sick.examined_forged(data)), f"{data[:40]!r}: {why}")
        for _ in range(count // 3):
            what, data = patient.forged(sick, rng)
            proof.check(not (why := sick.examined_forged(data)), f"forged {what}: {why}")
    with TemporaryDirectory() as folder, private(Path(folder)) as place:
        for why in loading.wrong(place, rng):
            proof.check(not why, why)
    proof.figures["slowest verify"] = f"{1000 * slowest:.0f} ms"
    return proof
