"""Every array of a checkpoint changed in turn: the resumed training must end otherwise."""

import shutil
from contextlib import suppress
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from proving.proof import Proof, forget_programs, quiet_jax

ENVIRONMENTS = ("pendulum", "barkour")
UNUSED = {"barkour": ("fields/", "jax/action")}  # not looked at before the step that renews them
WRITTEN = {"schema", "arrays", "files", "manifest_sha256"}  # by `store.save`


def prove(count: int) -> Proof:
    """Change every array of a checkpoint of each engine and environment, `count` at most."""
    quiet_jax()
    from resuming import ALL, begin, differences, newest, resume, small
    from stopping import after_updates

    from rlctl.core.errors import RlctlError, Stopped

    proof = Proof("each array of a checkpoint is needed to resume")
    for env, algo in product(ENVIRONMENTS, ("ppo", "trpo")):
        with TemporaryDirectory() as folder:
            whole, half = (Path(folder, name) for name in ("whole", "half"))
            begin(small(env, algo, whole))
            with suppress(Stopped):
                begin(small(env, algo, half), after_updates(3))
            saved = newest(half)
            names = [
                (group, name)
                for group in ALL
                for name, array in saved.groups[group].items()
                if array.size and not name.startswith(UNUSED.get(env, "?"))
            ]
            for group, name in names[: count - proof.tried]:
                run = Path(shutil.copytree(half, Path(folder, "run")))
                _change(run / "checkpoints", saved, group, name)
                try:
                    resume(run)
                    held = bool(differences(whole, run))
                except RlctlError:
                    held = True
                proof.check(held, f"{env} by {algo}: {group}/{name} made no difference")
                shutil.rmtree(run)
                forget_programs()
    return proof


def _change(folder: Path, saved: Any, group: str, name: str) -> None:
    """Replace the checkpoints of a run by one that has other values in one array."""
    from rlctl.checkpoints import store

    groups = {g: dict(arrays) for g, arrays in saved.groups.items()}
    array = groups[group][name]
    groups[group][name] = ~array if array.dtype == bool else array + array.dtype.type(1)
    facts = {name: fact for name, fact in saved.manifest.items() if name not in WRITTEN}
    shutil.rmtree(folder)
    store.save(folder, saved.step, facts, groups)
