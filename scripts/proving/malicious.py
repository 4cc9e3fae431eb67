"""Nothing in a hostile file runs, writes elsewhere, or takes more than its share."""

from pathlib import Path
from tempfile import TemporaryDirectory

from proving.proof import Proof

PROMISE = "a hostile file runs nothing, writes nothing, and is told with the right exit code"


def prove(count: int) -> Proof:
    """Try all there are; `count` is how many there must be at least."""
    from hostile import runner
    from sandbox import Guard

    proof, guard = Proof(PROMISE), Guard()
    cases, longest, most = runner.cases(), 0.0, 0
    proof.check(len(cases) >= count, f"there are {len(cases)} cases, not {count}")
    with TemporaryDirectory() as folder:
        for number, case in enumerate(cases):
            problem, seconds, memory = runner.run_case(case, Path(folder) / str(number), guard)
            proof.check(not problem, f"{case.name}: {problem}")
            longest, most = max(longest, seconds), max(most, memory)
    proof.figures["most processor time"] = f"{longest:.1f} s"
    proof.figures["most memory"] = (
        f"{most / 2**20:.0f} MiB, and {runner.children() / 2**20:.0f} MiB"
    )
    proof.figures["most memory"] += " of a reading process"
    return proof
