"""Random arguments, settings and manifests: rlctl must not crash."""

from pathlib import Path
from tempfile import TemporaryDirectory

from reliability_checks.result import CheckResult

PROMISE = (
    "random arguments, settings and manifests end with the right exit code and one clear error"
)


def run(count: int) -> CheckResult:
    """Run `count` trials, a third of each kind."""
    import fakes
    from hostile import fuzz
    from sandbox import Guard, isolated

    result, guard = CheckResult(PROMISE), Guard()
    for kind in fuzz.KINDS:
        with TemporaryDirectory() as folder:
            place = Path(folder) / "here"
            place.mkdir()
            with isolated(place), fakes.idle():
                for what, problem in fuzz.problems(kind, place, guard, count // 3 + 1, seed=0):
                    result.record(not problem, f"{what}: {problem}")
    return result
