"""Random arguments, settings and manifests: rlctl must not crash."""

from pathlib import Path
from tempfile import TemporaryDirectory

from reliability_checks.result import CheckResult

PROMISE = (
    "random arguments, settings and manifests end with the right exit code and one clear error"
)


def run(count: int) -> CheckResult:
    """Run `count` trials, a third of each kind."""
    import stand_ins
    from hostile import guessing
    from private_place import Guard, private

    result, guard = CheckResult(PROMISE), Guard()
    for kind in guessing.KINDS:
        with TemporaryDirectory() as folder:
            place = Path(folder) / "here"
            place.mkdir()
            with private(place), stand_ins.idle():
                for what, why in guessing.outcomes(kind, place, guard, count // 3 + 1, seed=0):
                    result.record(not why, f"{what}: {why}")
    return result
