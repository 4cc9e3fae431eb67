"""Every command that loads a checkpoint, shown a damaged one."""

import random
from collections.abc import Iterator
from pathlib import Path

import in_process
from checkpoints.damage import DAMAGE
from checkpoints.patient import Patient
from hostile import scenery
from hostile.judging import fault

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


def wrong(place: Path, rng: random.Random, every: bool = True) -> Iterator[str]:
    """What is wrong with every outcome of every kind of damage to every file, "" if nothing.

    Args:
        place: An empty folder.
        rng: Where in the files.
        every: Whether every command sees every damage, or one of them each.
    """
    scenery.resumable(place / "another", 1.0).rename(place / "other")
    path = scenery.resumable(place / "run")
    (path.parent / "other").symlink_to(place / "other")
    sick = Patient(path)
    for name in DAMAGE:
        for file in sick.files:
            damage = sick.hurt(name, file, rng)
            if damage.code:
                for command in COMMANDS if every else [rng.choice([*COMMANDS])]:
                    why = told(command, path, place / "run", damage.code, sick)
                    yield why and f"{command}, {file} {name}: {why}"
    sick.heal()


def told(command: str, path: Path, run: Path, code: int, sick: Patient) -> str:
    """What is wrong with what a command says of a checkpoint it must refuse, "" if nothing."""
    words = COMMANDS[command].replace("CKPT", str(path)).replace("RUN", str(run)).split()
    done = in_process.run(*words)
    if done.code != code:
        return f"exit code {done.code}, not {code}: {done.err}"
    return fault(done) or ("" if sick.named(done.err) else f"no file is named: {done.err}")
