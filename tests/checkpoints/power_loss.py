"""Power losses at every operation of saves, trainings and imports.

The generators yield one line per power loss: what was lost, "" if nothing.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from checkpoints import crash_states, disk_model, workload
from checkpoints.crash_injection import imports
from checkpoints.faulty_os import skip_fsync
from checkpoints.trainings import Reference, cached_compilation

from rlctl.checkpoints.reading import load
from rlctl.core.errors import RlctlError


def of_saves(folder: Path, each: int) -> Iterator[str]:
    """Test the store: sample `each` states after every operation."""
    with skip_fsync():
        (folder / "saves").mkdir()
        workload.begin(folder / "saves" / "run")
        record = crash_states.record(
            folder / "saves",
            lambda system: workload.work(folder / "saves" / "run", system.note),
        )
        for n, (saved, tree) in enumerate(crash_states.power_cuts(*record, each)):
            run = disk_model.write(tree, folder / f"cut{n}") / "run"
            lost = workload.find_problem(run, saved)
            workload.work(run)
            yield lost or workload.find_problem(run, [500]) or ", ".join(workload.leftovers(run))
            shutil.rmtree(run.parent)


def of_trainings(algo: str, folder: Path, updates: int, each: int, every: int) -> Iterator[str]:
    """Test a new and a resumed training; resume from one in `every` states."""
    with cached_compilation(), skip_fsync():
        reference = Reference(algo, folder, updates)
        for start, there, record in reference.records(folder, updates):
            for n, (saved, tree) in enumerate(crash_states.power_cuts(*record, each)):
                run = disk_model.write(tree, folder / f"{start}{n}") / "run"
                lost = reference.find_problem(run, there + saved) or _without_settings(
                    run, there + saved
                )
                if n % every == 0:
                    lost = lost or reference.finish_problem(run, with_metrics=False)
                yield lost and f"{algo} {run}: {lost}"
                shutil.rmtree(run.parent)


def of_imports(folder: Path, each: int) -> Iterator[str]:
    """Test an import: never partial, and durable once reported."""
    with imports() as work:
        (folder / "imports").mkdir()

        def noted(system):
            work(folder / "imports")
            system.note(0)

        record = crash_states.record(folder / "imports", noted)
        made = load(folder / "imports" / "made").manifest["files"]
        for n, (reported, tree) in enumerate(crash_states.power_cuts(*record, each)):
            place = disk_model.write(tree, folder / f"import{n}")
            try:
                if reported or (place / "made").exists():
                    whole = load(place / "made").manifest["files"] == made
                    yield "" if whole else f"{place}: it has other files"
                else:
                    yield ""
            except RlctlError as error:
                yield f"{place}: {error}"


def _without_settings(run: Path, saved: list[int]) -> str:
    """Return whether the run's settings are damaged, or missing although steps were saved."""
    config = run / "config.json"
    if not config.exists():
        return "its settings are missing" if saved else ""
    try:
        json.loads(config.read_bytes())
    except ValueError as error:
        return f"its settings are damaged: {error}"
    return ""
