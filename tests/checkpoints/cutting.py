"""Power cuts at every operation of a save and a training. Each says what was lost, if anything."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from checkpoints import crashes, disk, storing
from checkpoints.faults import hasty
from checkpoints.killing import imports
from checkpoints.trainings import Reference, warm

from rlctl.checkpoints.reading import load
from rlctl.core.errors import RlctlError


def of_saves(folder: Path, each: int) -> Iterator[str]:
    """The store's work; `each` states are drawn after every operation."""
    with hasty():
        (folder / "saves").mkdir()
        storing.begin(folder / "saves" / "run")
        record = crashes.record(
            folder / "saves", lambda system: storing.work(folder / "saves" / "run", system.note)
        )
        for n, (saved, tree) in enumerate(crashes.power_cuts(*record, each)):
            run = disk.write(tree, folder / f"cut{n}") / "run"
            lost = storing.wrong(run, saved)
            storing.work(run)
            yield lost or storing.wrong(run, [500]) or ", ".join(storing.left(run))
            shutil.rmtree(run.parent)


def of_trainings(algo: str, folder: Path, updates: int, each: int, every: int) -> Iterator[str]:
    """A new training, and one that is gone on with; one in `every` states is gone on with."""
    with warm(), hasty():
        reference = Reference(algo, folder, updates)
        for start, there, record in reference.records(folder, updates):
            for n, (saved, tree) in enumerate(crashes.power_cuts(*record, each)):
                run = disk.write(tree, folder / f"{start}{n}") / "run"
                lost = reference.wrong(run, there + saved) or _without_settings(run, there + saved)
                if n % every == 0:
                    lost = lost or reference.fails_to_finish(run, with_metrics=False)
                yield lost and f"{algo} {run}: {lost}"
                shutil.rmtree(run.parent)


def of_imports(folder: Path, each: int) -> Iterator[str]:
    """An import: what is there is whole, and once it was told of it is there."""
    with imports() as work:
        (folder / "imports").mkdir()

        def noted(system):
            work(folder / "imports")
            system.note(0)

        record = crashes.record(folder / "imports", noted)
        made = load(folder / "imports" / "made").manifest["files"]
        for n, (told, tree) in enumerate(crashes.power_cuts(*record, each)):
            place = disk.write(tree, folder / f"import{n}")
            try:
                if told or (place / "made").exists():
                    whole = load(place / "made").manifest["files"] == made
                    yield "" if whole else f"{place}: it is another"
                else:
                    yield ""
            except RlctlError as error:
                yield f"{place}: {error}"


def _without_settings(run: Path, saved: list[int]) -> str:
    """Whether the run's settings are not whole, or not there although steps were saved."""
    config = run / "config.json"
    if not config.exists():
        return "its settings are gone" if saved else ""
    try:
        json.loads(config.read_bytes())
    except ValueError as error:
        return f"its settings are damaged: {error}"
    return ""
