"""Result of a reliability check: number of trials and the violations found."""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The fault injectors are test helpers. Importing this module first makes them importable.
sys.path.insert(0, str(ROOT / "tests"))


@dataclass
class CheckResult:
    """A promise of docs/reliability.md with the outcome of its trials.

    Attributes:
        promise: The promise, as the table states it.
        trials: Number of trials.
        violations: One message per trial that violated the promise.
        measurements: Other numbers for the table, such as the longest time taken.
    """

    promise: str
    trials: int = 0
    violations: list[str] = field(default_factory=list)
    measurements: dict[str, str] = field(default_factory=dict)

    def record(self, ok: bool, message: str) -> None:
        """Count a trial; `message` describes it if it violated the promise."""
        self.trials += 1
        if not ok:
            self.violations.append(message)
            print(message, file=sys.stderr, flush=True)
        if self.trials % 50 == 0:
            progress = f"{self.trials:,} trials, {len(self.violations)} violations"
            print(progress, file=sys.stderr, flush=True)

    def record_trainings(self, messages: Iterable[str]) -> None:
        """Count trials that train in this process, given each one's violation or ""."""
        for message in messages:
            self.record(not message, message)
            if self.trials % 200 == 0:
                clear_jax_caches()


def setup_jax() -> None:
    """Make JAX use the CPU and a persistent compile cache. Call this before importing JAX."""
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ.setdefault(
        "JAX_COMPILATION_CACHE_DIR", str(Path.home() / ".cache/rlctl/reliability")
    )
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"


def clear_jax_caches() -> None:
    """Free JAX's compiled programs: hundreds of trainings in one process exhaust memory."""
    import jax

    jax.clear_caches()
