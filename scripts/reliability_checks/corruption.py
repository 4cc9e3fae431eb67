"""Damaged and forged checkpoints: each is refused."""

import random
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from reliability_checks.result import CheckResult

PROMISE = "a changed checkpoint is refused, with the file's name and the right exit code"


def run(count: int) -> CheckResult:
    """Damage and forge `count` checkpoints, and give a sample to every command that loads."""
    from checkpoints import corruption, manifest_fuzz
    from checkpoints.damage import DAMAGE
    from checkpoints.sample_checkpoints import save
    from hostile import loading
    from sandbox import isolated

    result, rng = CheckResult(PROMISE), random.Random(0)
    with TemporaryDirectory() as folder, isolated(Path(folder)) as place:
        save(place / "made", 6).rename(place / "other")
        checkpoint = corruption.CorruptibleCheckpoint(save(place, 5))
        cases = [(name, file) for name in DAMAGE for file in checkpoint.files]
        slowest = 0.0
        for i in range(count * 2 // 3):
            name, file = cases[i % len(cases)]
            done = checkpoint.corrupt(name, file, rng)
            began = time.perf_counter()
            result.record(
                not (problem := checkpoint.check_load(done.code)), f"{file} {name}: {problem}"
            )
            slowest = max(slowest, time.perf_counter() - began)
        for data in manifest_fuzz.raw():
            result.record(
                not (problem := checkpoint.check_manifest_load(data)), f"{data[:40]!r}: {problem}"
            )
        for _ in range(count // 3):
            what, data = corruption.forged(checkpoint, rng)
            result.record(
                not (problem := checkpoint.check_manifest_load(data)), f"forged {what}: {problem}"
            )
    with TemporaryDirectory() as folder, isolated(Path(folder)) as place:
        for problem in loading.problems(place, rng):
            result.record(not problem, problem)
    result.measurements["slowest verify"] = f"{1000 * slowest:.0f} ms"
    return result
