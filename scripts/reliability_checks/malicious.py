"""Hostile files: none runs code, writes elsewhere or exceeds its memory and time."""

from pathlib import Path
from tempfile import TemporaryDirectory

from reliability_checks.result import CheckResult

PROMISE = "a hostile file runs nothing, writes nothing, and gives the right exit code"


def run(count: int) -> CheckResult:
    """Run all cases; `count` is the least number of cases expected."""
    from hostile import runner
    from sandbox import Guard

    result, guard = CheckResult(PROMISE), Guard()
    cases, longest, most = runner.cases(), 0.0, 0
    result.record(len(cases) >= count, f"there are {len(cases)} cases, not {count}")
    with TemporaryDirectory() as folder:
        for number, case in enumerate(cases):
            problem, seconds, memory = runner.run_case(case, Path(folder) / str(number), guard)
            result.record(not problem, f"{case.name}: {problem}")
            longest, most = max(longest, seconds), max(most, memory)
    result.measurements["most processor time"] = f"{longest:.1f} s"
    result.measurements["most memory"] = (
        f"{most / 2**20:.0f} MiB, and {runner.children() / 2**20:.0f} MiB"
    )
    result.measurements["most memory"] += " of a reading process"
    return result
