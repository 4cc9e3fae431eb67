"""Change each array of a checkpoint: the resumed training must end differently."""

import shutil
from contextlib import suppress
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from reliability_checks.result import CheckResult, clear_jax_caches, setup_jax

ENVIRONMENTS = ("pendulum", "barkour")
UNUSED = {"barkour": ("fields/", "jax/action")}  # overwritten before they are read
WRITTEN = {"schema", "arrays", "files", "manifest_sha256"}  # by `store.save`


def run(count: int) -> CheckResult:
    """Change each array of a checkpoint per engine and environment, at most `count`."""
    setup_jax()
    from resuming import ALL, begin, differences, newest, resume, small
    from stopping import after_updates

    from rlctl.core.errors import RlctlError, Stopped

    result = CheckResult("each array of a checkpoint is needed to resume")
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
            for group, name in names[: count - result.trials]:
                run = Path(shutil.copytree(half, Path(folder, "run")))
                _change(run / "checkpoints", saved, group, name)
                try:
                    resume(run)
                    held = bool(differences(whole, run))
                except RlctlError:
                    held = True
                result.record(held, f"{env} by {algo}: {group}/{name} made no difference")
                shutil.rmtree(run)
                clear_jax_caches()
    return result


def _change(folder: Path, saved: Any, group: str, name: str) -> None:
    """Replace the checkpoints of a run by one with one array changed."""
    from rlctl.checkpoints import store

    groups = {g: dict(arrays) for g, arrays in saved.groups.items()}
    array = groups[group][name]
    groups[group][name] = ~array if array.dtype == bool else array + array.dtype.type(1)
    facts = {name: fact for name, fact in saved.manifest.items() if name not in WRITTEN}
    shutil.rmtree(folder)
    store.save(folder, saved.step, facts, groups)
