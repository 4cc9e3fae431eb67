"""Damaged checkpoints given to every command that loads one."""

import random
from collections.abc import Iterator
from pathlib import Path

import cli_runner
from checkpoints.corruption import CorruptibleCheckpoint
from checkpoints.damage import DAMAGE
from hostile import fixtures
from hostile.oracle import find_fault

COMMANDS = {  # with CKPT for the checkpoint and RUN for its run
    "eval": "eval --ckpt CKPT --cpu",
    "render": "render --ckpt CKPT --out film.png --cpu",
    "inspect-ckpt": "inspect-ckpt CKPT",
    "inspect-ckpt --diff": "inspect-ckpt shipped:pendulum --diff CKPT",
    "compare": "compare --ckpt CKPT",
    "export": "export --format numpy --out policy.npz --ckpt CKPT",
    "train --init-from": "train pendulum --init-from CKPT --cpu",
    "train --resume": "train --resume RUN --cpu",
}


def problems(place: Path, rng: random.Random, every: bool = True) -> Iterator[str]:
    """Yield the problem of each kind of damage to each file, "" for none.

    Args:
        place: An empty folder.
        rng: Random numbers for the damage.
        every: Run every command for each damage, or a random one.
    """
    fixtures.resumable(place / "another", 1.0).rename(place / "other")
    path = fixtures.resumable(place / "run")
    (path.parent / "other").symlink_to(place / "other")
    checkpoint = CorruptibleCheckpoint(path)
    for name in DAMAGE:
        for file in checkpoint.files:
            damage = checkpoint.corrupt(name, file, rng)
            if damage.code:
                for command in COMMANDS if every else [rng.choice([*COMMANDS])]:
                    problem = check_refusal(command, path, place / "run", damage.code, checkpoint)
                    yield problem and f"{command}, {file} {name}: {problem}"
    checkpoint.restore()


def check_refusal(
    command: str, path: Path, run: Path, code: int, checkpoint: CorruptibleCheckpoint
) -> str:
    """Return how a command fails to refuse a damaged checkpoint, "" if it refuses it."""
    words = COMMANDS[command].replace("CKPT", str(path)).replace("RUN", str(run)).split()
    done = cli_runner.run(*words)
    if done.code != code:
        return f"exit code {done.code}, not {code}: {done.err}"
    return find_fault(done) or (
        "" if checkpoint.names_file(done.err) else f"no file is named: {done.err}"
    )
