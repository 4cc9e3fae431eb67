"""Power loss at every file operation of saves, trainings and imports."""

from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from reliability_checks.result import CheckResult  # first: it puts tests/ on sys.path

from checkpoints import power_loss  # isort: skip


def run(count: int) -> CheckResult:
    """Sample disk states that power loss may leave; a larger `count` samples more of each."""
    result = CheckResult(
        "power loss at any operation: nothing saved is lost, nothing damaged is accepted"
    )
    each = max(1, count // 125)
    with TemporaryDirectory() as name:
        root = Path(name)
        for part in ("saves", "imports", "ppo", "trpo"):
            (root / part).mkdir()
        lines = chain(
            power_loss.of_saves(root / "saves", each),
            power_loss.of_imports(root / "imports", each),
            *(
                power_loss.of_trainings(algo, root / algo, 4, each, every=25)
                for algo in ("ppo", "trpo")
            ),
        )
        result.record_trainings(lines)
    return result
