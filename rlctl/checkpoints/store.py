"""A run's folder of checkpoints: atomic saving, listing, selecting and pruning.

A checkpoint is written under a temporary name, made durable, read back and verified, and only then
renamed; nothing older is touched before that. The files `latest` and `best` are hints for people
and scripts; the newest intact checkpoint is authoritative. One process writes a folder at a time,
which the run's lock ensures.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rlctl.checkpoints import arrays, manifest
from rlctl.checkpoints.reading import (
    UNFINISHED,
    Checkpoint,
    examine,
    load,
    read_manifest,
)
from rlctl.core.checkpoint_names import step_folder, step_of, steps
from rlctl.core.errors import Damaged, NotFound, OutOfSpace, RlctlError
from rlctl.core.files import (
    make_folder,
    plain,
    sweep_temporaries,
    sync_folder,
    write_atomic,
    writing,
)

Skipped = Callable[[RlctlError], None]  # called with the error of a checkpoint passed over
_IGNORED_FACTS = {"seconds", "provenance"}  # may differ between two equal saves
_EVALUATION_FACTS = {"metrics", "evaluated", "best"}  # added by a later evaluation


def _ignore(error: RlctlError) -> None:
    """Pass over a checkpoint silently."""


def save(
    folder: Path, step: int, facts: Mapping[str, Any], groups: Mapping[str, Mapping[str, Any]]
) -> Path:
    """Save a checkpoint; it is durable and verified when this returns.

    Args:
        folder: The run's checkpoints.
        step: Environment steps so far.
        facts: The manifest without schema, step, arrays and files, which are added here.
        groups: Group (`policy`, `train`, `envs`) -> name -> array.

    Returns:
        The checkpoint's folder. If the step exists with the same content, only a missing
        evaluation is added; if the existing one is damaged, it is replaced.

    Raises:
        Diverged: The policy has non-finite values.
        OutOfSpace: It cannot be written. Older checkpoints are intact, no partial files remain.
        ValueError: The step exists with other content.
    """
    arrays.check_finite(groups.get("policy", {}))
    content = {manifest.file_of(group): arrays.encode(held) for group, held in groups.items()}
    facts = _complete_facts(facts, step, groups, content)
    # The manifest is written last: a folder without it is not accepted as a checkpoint.
    content[manifest.NAME] = manifest.encode(facts)
    final = step_folder(folder, step)
    with writing(folder):
        make_folder(folder)
        sweep(folder)
        existing = _existing_manifest(final, facts)
        if existing is None:
            _write(final, content, tuple(groups))
        elif existing.get("evaluated") != facts.get("evaluated"):
            write_atomic(final / manifest.NAME, content[manifest.NAME], folder)
        sweep(folder)  # delete a damaged one that was replaced
    # Also syncs the folder, which makes the new checkpoint's name durable.
    write_atomic(folder / "latest", f"{final.name}\n".encode())
    return final


def newest_verified(
    folder: Path, skipped: Skipped = _ignore, groups: Collection[str] = ()
) -> Checkpoint:
    """Load the newest intact checkpoint.

    Args:
        folder: The run's checkpoints.
        skipped: Called with the error of every newer, damaged one.
        groups: The groups of arrays to load.

    Raises:
        NotFound: There is no checkpoint.
        Damaged: All are damaged; the message is that of the newest.
    """
    damaged: dict[int, RlctlError] = {}
    while rest := [step for step in steps(folder) if step not in damaged]:
        path = step_folder(folder, rest[-1])
        try:
            return load(path, groups)
        except (Damaged, NotFound) as error:
            if os.path.lexists(path):  # else it was just pruned, and there are newer ones
                damaged[rest[-1]] = error
                skipped(error)
    if not damaged:
        raise NotFound(f"there is no checkpoint in {folder}", "train one: rlctl train ENV")
    newest = damaged[max(damaged)]
    raise Damaged(f"no checkpoint in {folder} is intact; the newest: {newest.message}")


def best(
    folder: Path, skipped: Skipped = _ignore, groups: Collection[str] = ()
) -> Checkpoint | None:
    """Load the checkpoint with the best evaluation return; return None if unknown or damaged.

    The hint `best` and the newest manifest both name one. A crash can leave one of them outdated,
    but the best only moves forward, so the later step is right.

    Args:
        folder: The run's checkpoints.
        skipped: Called with the error if the best one is damaged or missing.
        groups: The groups of arrays to load.
    """
    failed: dict[int, RlctlError] = {}
    found = None
    while found is None and (named := _named_best(folder) - set(failed)):
        try:
            found = load(step_folder(folder, max(named)), groups)
        except (Damaged, NotFound) as error:  # may have been pruned: read the names again
            failed[max(named)] = error
    for step, error in failed.items():
        if found is None or os.path.lexists(step_folder(folder, step)):
            skipped(error)
    return found


def mark_best(folder: Path, step: int) -> None:
    """Record the checkpoint of `step` as the best so far.

    Raises:
        OutOfSpace: The hint cannot be written.
    """
    write_atomic(folder / "best", f"{step_folder(folder, step).name}\n".encode())


def prune(folder: Path, keep_last: int, keep_every: int = 0) -> list[int]:
    """Delete old checkpoints, never the best nor the newest intact one.

    Args:
        folder: The run's checkpoints.
        keep_last: Number of newest checkpoints to keep.
        keep_every: Also keep the first checkpoint at or after each multiple of this; 0: none.

    Returns:
        The deleted steps.

    Raises:
        OutOfSpace: The folder is not writable.
    """
    try:
        newest = newest_verified(folder)
    except (Damaged, NotFound):
        return []  # none is intact: keep all, one may be repairable
    saved = steps(folder)
    kept = {newest.step, *saved[-keep_last:], *_named_best(folder)}
    if keep_every:
        first = {step // keep_every: step for step in reversed(saved) if step >= keep_every}
        kept.update(first.values())
    gone = [step for step in saved if step not in kept]
    with writing(folder):
        # Renames are atomic and deletions are not: a kill must not leave a partial checkpoint.
        for step in gone:
            _mark_deleted(step_folder(folder, step))
        sweep(folder)
    return gone


def sweep(folder: Path) -> None:
    """Delete checkpoints marked deleted, and half-written folders of killed processes.

    What cannot be deleted is left for the next call.
    """
    if not folder.is_dir():
        return
    for name in ("latest", "best", manifest.NAME):
        sweep_temporaries(folder / name)
    names = os.listdir(folder)
    for name in names:
        if name.startswith(UNFINISHED[0]):
            _delete(folder / name)
    if aside := [name for name in names if name.startswith(UNFINISHED[1])]:
        with suppress(OSError):
            sync_folder(folder)  # or a power loss could restore the name of a half-deleted one
            for name in aside:
                _delete(folder / name)


def _complete_facts(
    facts: Mapping[str, Any],
    step: int,
    groups: Mapping[str, Mapping[str, Any]],
    content: Mapping[str, bytes],
) -> dict[str, Any]:
    added = {
        "schema": manifest.SCHEMA,
        "step": step,
        "arrays": {group: arrays.describe(held) for group, held in groups.items()},
        "files": {name: manifest.file_entry(data) for name, data in content.items()},
    }
    return plain({"schema": None, **facts, **added})  # puts the schema first in the file


def _existing_manifest(final: Path, facts: dict[str, Any]) -> dict[str, Any] | None:
    """Return the manifest of the existing checkpoint, None without an intact one.

    Raises:
        ValueError: It has other content than `facts` describe.
    """
    try:
        existing = load(final, groups=()).manifest
    except (NotFound, Damaged):
        return None
    differing = {name for name in {*existing, *facts} if existing.get(name) != facts.get(name)}
    differing -= {*_IGNORED_FACTS, "manifest_sha256"}
    if "evaluated" in differing:
        differing -= _EVALUATION_FACTS
    if differing:
        raise ValueError(f"{final} exists with other {', '.join(sorted(differing))}")
    return existing


def _write(final: Path, content: Mapping[str, bytes], groups: tuple[str, ...]) -> None:
    """Write and verify a checkpoint, then rename it; replaces a damaged one."""
    name = f".tmp-{final.name}-{os.getpid()}-{secrets.token_hex(4)}"
    temporary = final.with_name(name)
    try:
        _write_folder(temporary, content)
        # Read back: some disks report success for writes that are lost or wrong.
        try:
            examine(temporary, groups).check()
        except Damaged as error:
            raise OutOfSpace(
                f"cannot write {final}: verification failed: {error.message}",
                "the disk may be failing",
            ) from error
        if os.path.lexists(final):
            _mark_deleted(final)
        os.rename(temporary, final)
    except BaseException:
        _delete(temporary)
        raise


def _write_folder(folder: Path, content: Mapping[str, bytes]) -> None:
    os.mkdir(folder)
    for name, data in content.items():
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        descriptor = os.open(folder / name, flags, 0o666)
        try:
            rest = memoryview(data)
            while rest:  # os.write may write less than asked
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    sync_folder(folder)


def _mark_deleted(path: Path) -> None:
    """Rename a checkpoint so that `sweep` deletes it; the rename is atomic."""
    name = f".del-{path.name}-{os.getpid()}-{secrets.token_hex(4)}"
    os.rename(path, path.with_name(name))


def _delete(path: Path) -> None:
    """Delete a file, link or folder; ignores errors."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _hint(file: Path) -> int | None:
    try:
        return step_of(file.read_text(encoding="ascii", errors="replace").strip())
    except OSError:
        return None


def _named_best(folder: Path) -> set[int]:
    """Return the best steps named by the hint and by the newest valid manifest."""
    named: set[int] = set()
    # Skips invalid manifests: the newest valid one has the latest `best`.
    for step in reversed(steps(folder)):
        try:
            entry = read_manifest(step_folder(folder, step)).get("best")
        except RlctlError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("step"), int):
            named.add(entry["step"])
        break
    hint = _hint(folder / "best")
    return named if hint is None else named | {hint}
