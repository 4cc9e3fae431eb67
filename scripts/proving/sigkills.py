"""Trainings killed at moments drawn by chance."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from proving.proof import Proof  # first, as it says where the tests lie

from checkpoints.processes import KilledTraining  # isort: skip

ENGINES = ("ppo", "trpo")


def prove(count: int) -> Proof:
    """Kill `count` processes of real trainings, both engines at once."""
    proof = Proof("SIGKILL at any time: nothing saved is lost, --resume goes on bit for bit")
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as pool:
        tell = [pool.submit(_tell, algo, Path(folder), count / len(ENGINES)) for algo in ENGINES]
        for story in [told.result() for told in tell]:
            proof.tried += story.kills
            proof.broken += story.broken
    return proof


def _tell(algo: str, folder: Path, kills: float) -> KilledTraining:
    story = KilledTraining(algo, folder, updates=500)
    while story.kills < kills:
        story.run_with_kills(kills=10)
    return story
