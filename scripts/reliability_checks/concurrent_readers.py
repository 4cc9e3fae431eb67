"""Reading a run while it is written: complete checkpoints and no errors."""

import tempfile
from pathlib import Path

from reliability_checks.result import CheckResult


def run(count: int) -> CheckResult:
    """Load the newest and the best checkpoint `count` times while a process saves and prunes."""
    from checkpoints.concurrent_reader import race

    result = CheckResult(
        "evaluating or rendering a run during its training gets a complete checkpoint"
    )
    with tempfile.TemporaryDirectory() as scratch:
        different, wrong, seconds = race(Path(scratch) / "run", count)
    for message in wrong:
        result.record(ok=False, message=message)
    result.trials = count
    result.measurements = {f"different {which}": f"{found:,}" for which, found in different.items()}
    result.measurements["loads/s"] = f"{count / seconds:,.0f}"
    return result
