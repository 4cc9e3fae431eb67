"""Damaged and forged checkpoints: each is refused."""

import random
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from reliability_checks.result import CheckResult

PROMISE = "a changed checkpoint is refused, with the file's name and the right exit code"


def run(count: int) -> CheckResult:
    """Damage and forge `count` checkpoints, and give a sample to every command that loads."""
    from checkpoints import forging, patient
    from checkpoints.damage import DAMAGE
    from checkpoints.saving import save
    from hostile import loading
    from private_place import private

    result, rng = CheckResult(PROMISE), random.Random(0)
    with TemporaryDirectory() as folder, private(Path(folder)) as place:
        save(place / "made", 6).rename(place / "other")
        sick = patient.Patient(save(place, 5))
        cases = [(name, file) for name in DAMAGE for file in sick.files]
        slowest = 0.0
        for i in range(count * 2 // 3):
            name, file = cases[i % len(cases)]
            done = sick.hurt(name, file, rng)
            began = time.perf_counter()
            result.record(not (why := sick.examined(done.code)), f"{file} {name}: {why}")
            slowest = max(slowest, time.perf_counter() - began)
        for data in forging.raw():
            result.record(not (why := sick.examined_forged(data)), f"{data[:40]!r}: {why}")
        for _ in range(count // 3):
            what, data = patient.forged(sick, rng)
            result.record(not (why := sick.examined_forged(data)), f"forged {what}: {why}")
    with TemporaryDirectory() as folder, private(Path(folder)) as place:
        for why in loading.wrong(place, rng):
            result.record(not why, why)
    result.measurements["slowest verify"] = f"{1000 * slowest:.0f} ms"
    return result
