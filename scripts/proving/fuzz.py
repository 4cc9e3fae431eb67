"""Nothing that is typed, no settings and no manifest bring rlctl down."""

from pathlib import Path
from tempfile import TemporaryDirectory

from proving.proof import Proof

PROMISE = "random arguments, settings and manifests end with a right exit code and one clear error"


def prove(count: int) -> Proof:
    """Try `count` in all, a third of each kind."""
    import fakes
    from hostile import fuzz
    from sandbox import Guard, isolated

    proof, guard = Proof(PROMISE), Guard()
    for kind in fuzz.KINDS:
        with TemporaryDirectory() as folder:
            place = Path(folder) / "here"
            place.mkdir()
            with isolated(place), fakes.idle():
                for what, problem in fuzz.problems(kind, place, guard, count // 3 + 1, seed=0):
                    proof.check(not problem, f"{what}: {problem}")
    return proof
