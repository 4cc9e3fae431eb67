"""Names of a run's checkpoints: `checkpoints/step_000000409600`, after the environment steps."""

import os
import re
from pathlib import Path

FOLDER = "checkpoints"  # within a run
_STEP = re.compile(r"step_([0-9]{12}|[1-9][0-9]{12,17})")


def step_folder(folder: Path, step: int) -> Path:
    """Return the folder of a step's checkpoint: `step_` and twelve digits."""
    return folder / f"step_{step:012d}"


def step_of(name: str) -> int | None:
    """Return the step in a checkpoint's name, None for another name."""
    found = _STEP.fullmatch(name)
    return int(found[1]) if found else None


def steps(folder: Path) -> list[int]:
    """Return the saved steps, including damaged ones, oldest first; [] without a folder."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(step for step in map(step_of, names) if step is not None)
