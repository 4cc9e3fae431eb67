"""What an engine has the store do, and what must hold whatever comes in between."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from checkpoints.sample_checkpoints import flip, groups, save

from rlctl.checkpoints import store
from rlctl.core.errors import RlctlError

ALL = ("policy", "train", "envs")
STEPS = (100, 200, 300)  # in the middle of a run's life


def begin(run: Path) -> None:
    """A run's checkpoints: the newest damaged, and there is what killed processes left."""
    folder = run / "checkpoints"
    for step in (*STEPS, 400):
        save(folder, step, best={"step": 100, "return": 1.0})
    store.mark_best(folder, 100)
    flip(folder / "step_000000000400" / "train.safetensors")
    for name in (".tmp-50-1-abcd", ".del-step_000000000050-1-abcd"):
        (folder / name).mkdir()
        (folder / name / "policy.safetensors").write_bytes(b"half")
    (folder / ".latest.1.tmp").write_bytes(b"half")


def work(run: Path, saved: Callable[[int], None] = lambda step: None) -> None:
    """Save the damaged one again, then a new best; forget older ones."""
    folder = run / "checkpoints"
    save(folder, 400, best={"step": 100, "return": 1.0})
    saved(400)
    save(folder, 500, best={"step": 500, "return": 2.0})
    store.mark_best(folder, 500)
    store.prune(folder, keep_last=2)
    saved(500)


def find_problem(run: Path, saved: Sequence[int]) -> str:
    """What is wrong with the checkpoints, of which some were said to be saved; "" if nothing is."""
    folder = run / "checkpoints"
    sound = []
    for step in store.steps(folder):
        try:
            back = store.load(store.step_folder(folder, step), ALL)
        except RlctlError as error:
            if step == 400 and step not in saved:
                continue
            return str(error)
        sound.append(step)
        for group, arrays in groups(step).items():
            for name, array in arrays.items():
                if not np.array_equal(back.groups[group][name], array):
                    return f"step {step} is another"
    newest = max(*STEPS, *saved)
    if not sound or sound[-1] < newest:
        return f"step {newest} is gone, there is {sound}"
    if store.newest_verified(folder) != store.step_folder(folder, sound[-1]):
        return "the newest is not found"
    best = 500 if 500 in sound else 100
    return "" if store.best(folder) == store.step_folder(folder, best) else f"{best} is not best"


def leftovers(run: Path) -> list[str]:
    """What killed or failing saves left behind."""
    return [path.name for path in (run / "checkpoints").iterdir() if path.name.startswith(".")]
