"""Full disks and I/O errors at the n-th operation of saves and trainings."""

from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from reliability_checks.result import CheckResult  # first: it puts tests/ on sys.path

from checkpoints import io_errors  # isort: skip


def run(count: int) -> CheckResult:
    """Make every operation of saves fail in every way; `count` sets how many of trainings."""
    result = CheckResult(
        "a full or failing disk: reported, nothing lost or left, exit 0 only if all is saved"
    )
    every = {"trpo": max(1, 3000 // count), "ppo": max(1, 12_000 // count)}  # PPO is slower
    with TemporaryDirectory() as name:
        root = Path(name)
        for part in ("saves", "ppo", "trpo"):
            (root / part).mkdir()
        lines = chain(
            io_errors.of_saves(root / "saves"),
            *(io_errors.of_trainings(algo, root / algo, 2, each) for algo, each in every.items()),
        )
        result.record_trainings(lines)
    return result
