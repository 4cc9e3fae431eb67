"""What a proof is: how often something was broken on purpose, and what came of it."""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # the faults are the tests' own


@dataclass
class Proof:
    """A promise of docs/reliability.md and how it fared.

    Attributes:
        promise: What is promised, as a row of the table says it.
        tried: How often it was put to the test.
        broken: What happened each time that it did not hold.
        figures: Anything else worth a number, such as the longest time taken.
    """

    promise: str
    tried: int = 0
    broken: list[str] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)

    def check(self, held: bool, what: str) -> None:
        """Count a try; `what` tells of it where it did not hold."""
        self.tried += 1
        if not held:
            self.broken.append(what)
            print(what, file=sys.stderr, flush=True)
        if self.tried % 50 == 0:
            print(f"{self.tried:,} tried, {len(self.broken)} broken", file=sys.stderr, flush=True)

    def check_trainings(self, lines: Iterable[str]) -> None:
        """Count tries that train in this process: of each what did not hold, "" if all did."""
        for line in lines:
            self.check(not line, line)
            if self.tried % 200 == 0:
                forget_programs()


def quiet_jax() -> None:
    """Have JAX compute on the CPU and keep what it compiles; before anything imports it."""
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path.home() / ".cache/rlctl/proofs"))
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"


def forget_programs() -> None:
    """Have JAX let go of what it compiled: hundreds of trainings in a process are too many."""
    import jax

    jax.clear_caches()
