"""Crashes at every file operation of saves, trainings and imports."""

from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from reliability_checks.result import CheckResult  # first: it puts tests/ on sys.path

from checkpoints import crash_injection  # isort: skip


def run(count: int) -> CheckResult:
    """Kill at every operation; a larger `count` makes trainings longer."""
    result = CheckResult(
        "a kill at any operation: nothing saved is lost, the next command needs no help"
    )
    updates = max(2, count // 110)
    with TemporaryDirectory() as name:
        root = Path(name)
        for part in ("saves", "processes", "imports", "ppo", "trpo"):
            (root / part).mkdir()
        lines = chain(
            crash_injection.of_saves(root / "saves"),
            crash_injection.of_imports(root / "imports"),
            crash_injection.of_processes(root / "processes"),
            *(crash_injection.of_trainings(algo, root / algo, updates) for algo in ("ppo", "trpo")),
        )
        result.record_trainings(lines)
    return result
