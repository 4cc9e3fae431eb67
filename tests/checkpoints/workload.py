"""Sequence of saves and prunes for fault injection, and its invariants."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from checkpoints.sample_checkpoints import flip, groups, save

from rlctl.checkpoints import store
from rlctl.core.errors import RlctlError

ALL = ("policy", "train", "envs")
STEPS = (100, 200, 300)  # saved before the workload


def begin(run: Path) -> None:
    """Prepare a run: checkpoints with the newest damaged, and leftovers of killed processes."""
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
    """Save the damaged step again, save a new best, prune."""
    folder = run / "checkpoints"
    save(folder, 400, best={"step": 100, "return": 1.0})
    saved(400)
    save(folder, 500, best={"step": 500, "return": 2.0})
    store.mark_best(folder, 500)
    store.prune(folder, keep_last=2)
    saved(500)


def find_problem(run: Path, saved: Sequence[int]) -> str:
    """Return which invariant is violated, given the steps reported as saved; "" for none."""
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
                    return f"step {step} has other arrays"
    newest = max(*STEPS, *saved)
    if not sound or sound[-1] < newest:
        return f"step {newest} is missing, intact are {sound}"
    if store.newest_verified(folder).path != store.step_folder(folder, sound[-1]):
        return "newest_verified does not return the newest"
    best = 500 if 500 in sound else 100
    found = store.best(folder)
    return "" if found and found.step == best else f"{best} is not best"


def leftovers(run: Path) -> list[str]:
    """Return the temporary files left by killed or failed saves."""
    return [path.name for path in (run / "checkpoints").iterdir() if path.name.startswith(".")]
