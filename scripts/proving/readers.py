"""A run is read while it is written: whole checkpoints, and never an error."""

import tempfile
from pathlib import Path

from proving.proof import Proof


def prove(count: int) -> Proof:
    """Load the newest and the best at least `count` times while a process saves and prunes."""
    from checkpoints.concurrent_reader import race

    proof = Proof("evaluating or filming a run that is being trained gets a whole checkpoint")
    with tempfile.TemporaryDirectory() as scratch:
        different, wrong, seconds = race(Path(scratch) / "run", count)
    for what in wrong:
        proof.check(held=False, what=what)
    proof.tried = count
    proof.figures = {f"different {which}": f"{found:,}" for which, found in different.items()}
    proof.figures["loads/s"] = f"{count / seconds:,.0f}"
    return proof
