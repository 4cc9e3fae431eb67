"""SIGKILL at random times during real trainings."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reliability_checks.result import CheckResult  # first: it puts tests/ on sys.path

from checkpoints.processes import KilledTraining  # isort: skip

ENGINES = ("ppo", "trpo")


def run(count: int) -> CheckResult:
    """Kill `count` processes of real trainings, with both engines in parallel."""
    result = CheckResult(
        "SIGKILL at any time: nothing saved is lost, --resume continues bit for bit"
    )
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as pool:
        kills = count / len(ENGINES)
        futures = [pool.submit(_kill_and_resume, algo, Path(folder), kills) for algo in ENGINES]
        for story in [future.result() for future in futures]:
            result.trials += story.kills
            result.violations += story.broken
    return result


def _kill_and_resume(algo: str, folder: Path, kills: float) -> KilledTraining:
    """Kill trainings of one engine until `kills` is reached."""
    story = KilledTraining(algo, folder, updates=500)
    while story.kills < kills:
        story.run_with_kills(kills=10)
    return story
