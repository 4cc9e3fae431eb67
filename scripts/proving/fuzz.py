"""Nothing that is typed, no settings and no manifest bring rlctl down."""

from pathlib import Path
from tempfile import TemporaryDirectory

from proving.proof import Proof

PROMISE = "random arguments, settings and manifests end with a right exit code and one clear error"


def prove(count: int) -> Proof:
    """Try `count` in all, a third of each kind."""
    import stand_ins
    from hostile import guessing
    from private_place import Guard, private

    proof, guard = Proof(PROMISE), Guard()
    for kind in guessing.KINDS:
        with TemporaryDirectory() as folder:
            place = Path(folder) / "here"
            place.mkdir()
            with private(place), stand_ins.idle():
                for what, why in guessing.outcomes(kind, place, guard, count // 3 + 1, seed=0):
                    proof.check(not why, f"{what}: {why}")
    return proof
