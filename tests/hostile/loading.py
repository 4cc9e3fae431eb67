"""Every command that loads a checkpoint, shown a damaged one."""

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
    """What is wrong with every outcome of every kind of damage to every file, "" if nothing.

    Args:
        place: An empty folder.
        rng: Where in the files.
        every: Whether every command sees every damage, or one of them each.
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
    """What is wrong with what a command says of a checkpoint it must refuse, "" if nothing."""
    words = COMMANDS[command].replace("CKPT", str(path)).replace("RUN", str(run)).split()
    done = cli_runner.run(*words)
    if done.code != code:
        return f"exit code {done.code}, not {code}: {done.err}"
    return find_fault(done) or (
        "" if checkpoint.names_file(done.err) else f"no file is named: {done.err}"
    )
