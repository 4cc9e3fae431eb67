"""A folder of checkpoints: saved whole or not at all, listed, chosen and pruned.

A checkpoint is written under a temporary name, made durable, read back and verified, and only then
renamed; nothing older is touched before that. The files `latest` and `best` are hints for people
and scripts: the newest checkpoint that verifies is the truth. One process writes a folder at a
time, which the run's lock sees to.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rlctl.checkpoints import arrays, manifest
from rlctl.checkpoints.reading import (
    STEP_NAME,
    UNFINISHED,
    Checkpoint,
    examine,
    load,
    read_manifest,
)
from rlctl.core.errors import Damaged, NotFound, OutOfSpace, RlctlError
from rlctl.core.files import (
    make_folder,
    plain,
    sweep_temporaries,
    sync_folder,
    write_atomic,
    writing,
)

_WHEN_AND_WHERE = {"seconds", "provenance"}  # facts that may differ between two equal saves
_JUDGED = {"metrics", "evaluated", "best"}  # those that an evaluation of the same step adds


def save(
    folder: Path, step: int, facts: Mapping[str, Any], groups: Mapping[str, Mapping[str, Any]]
) -> Path:
    """Write a checkpoint; it is durable and verified when this returns.

    Args:
        folder: The run's checkpoints.
        step: Environment steps so far.
        facts: The manifest but for what is added here: schema, step, arrays and files.
        groups: Group (`policy`, `train`, `envs`) -> name -> array.

    Returns:
        The checkpoint's folder. A step that was saved before with the same content is left as it
        is, one that was not evaluated then gets its evaluation, and one that has been damaged
        since is replaced.

    Raises:
        Diverged: The policy is not finite.
        OutOfSpace: It cannot be written. Older checkpoints are intact and nothing is left behind.
        ValueError: The step was saved before with other content.
    """
    arrays.check_finite(groups.get("policy", {}))
    content = {manifest.file_of(group): arrays.encode(held) for group, held in groups.items()}
    facts = _complete(facts, step, groups, content)
    content[manifest.NAME] = manifest.encode(facts)  # last: without it nothing is accepted
    final = step_folder(folder, step)
    with writing(folder):
        make_folder(folder)
        sweep(folder)
        there = _saved(final, facts)
        if there is None:
            _write(final, content, tuple(groups))
        elif there.get("evaluated") != facts.get("evaluated"):
            write_atomic(final / manifest.NAME, content[manifest.NAME], folder)
        sweep(folder)  # a damaged one that gave way
    write_atomic(folder / "latest", f"{final.name}\n".encode())  # and all names with it
    return final


def step_folder(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step lies: `step_` and twelve digits."""
    return folder / f"step_{step:012d}"


def steps(folder: Path) -> list[int]:
    """The steps saved, damaged ones included, oldest first; [] for a folder that is not there."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(found[1]) for found in map(STEP_NAME.fullmatch, names) if found)


def newest_verified(
    folder: Path, skipped: Callable[[RlctlError], None] = lambda error: None
) -> Path:
    """The newest checkpoint that is as it was written.

    Args:
        folder: The run's checkpoints.
        skipped: Told of every newer one that is damaged.

    Raises:
        NotFound: There is none.
        Damaged: There are, but every one is damaged; says what is wrong with the newest.
    """
    return _newest(folder, skipped).path


def best(folder: Path, skipped: Callable[[RlctlError], None] = lambda error: None) -> Path | None:
    """The checkpoint with the best evaluation return, if it is known and verifies.

    The hint `best` and the newest manifest both name one. A crash can leave either behind the
    other, but the best only ever moves forward, so the later of the two is right.

    Args:
        folder: The run's checkpoints.
        skipped: Told of one that was the best and is damaged or gone.
    """
    failed: dict[int, RlctlError] = {}
    found = None
    while found is None and (named := _named_best(folder) - set(failed)):
        try:
            found = load(step_folder(folder, max(named)), groups=()).path
        except (Damaged, NotFound) as error:  # it may have been pruned, and another be named now
            failed[max(named)] = error
    for step, error in failed.items():
        if found is None or os.path.lexists(step_folder(folder, step)):
            skipped(error)
    return found


def mark_best(folder: Path, step: int) -> None:
    """Write down that the checkpoint of `step` is the best so far.

    Raises:
        OutOfSpace: It cannot be written.
    """
    write_atomic(folder / "best", f"{step_folder(folder, step).name}\n".encode())


def prune(folder: Path, keep_last: int, keep_every: int = 0) -> list[int]:
    """Delete old checkpoints, never the best nor the newest that verifies.

    Args:
        folder: The run's checkpoints.
        keep_last: How many of the newest stay.
        keep_every: The first checkpoint at or after each multiple of this stays too; 0: none.

    Returns:
        The steps deleted.

    Raises:
        OutOfSpace: The folder cannot be changed.
    """
    try:
        newest = _newest(folder)
    except (Damaged, NotFound):
        return []  # nothing sound to go on from: whatever is left may be worth mending
    saved = steps(folder)
    kept = {newest.step, *saved[-keep_last:], *_named_best(folder)}
    if keep_every:
        first = {step // keep_every: step for step in reversed(saved) if step >= keep_every}
        kept.update(first.values())
    gone = [step for step in saved if step not in kept]
    with writing(folder):
        for step in gone:
            _put_aside(step_folder(folder, step))
        sweep(folder)
    return gone


def sweep(folder: Path) -> None:
    """Delete what was put aside, and what a killed process left half written or half deleted.

    What cannot be deleted is left for the next time.
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
            sync_folder(folder)  # or a power cut could give a half deleted one its name back
            for name in aside:
                _delete(folder / name)


def _complete(
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
    return plain({"schema": None, **facts, **added})  # the schema stands first in the file


def _saved(final: Path, facts: dict[str, Any]) -> dict[str, Any] | None:
    """The manifest of this very checkpoint, if it is there already."""
    try:
        there = load(final, groups=()).manifest
    except (NotFound, Damaged):
        return None
    differing = {name for name in {*there, *facts} if there.get(name) != facts.get(name)}
    differing -= {*_WHEN_AND_WHERE, "manifest_sha256"}
    if "evaluated" in differing:
        differing -= _JUDGED
    if differing:
        raise ValueError(f"{final} is there with other {', '.join(sorted(differing))}")
    return there


def _write(final: Path, content: Mapping[str, bytes], groups: tuple[str, ...]) -> None:
    """Have a checkpoint appear, whole and verified, in the place of a damaged one if need be."""
    name = f".tmp-{final.name}-{os.getpid()}-{secrets.token_hex(4)}"
    temporary = final.with_name(name)
    try:
        _write_folder(temporary, content)
        try:
            examine(temporary, groups).check()
        except Damaged as error:
            raise OutOfSpace(
                f"cannot write {final}: read back, {error.message}", "the disk may be failing"
            ) from error
        if os.path.lexists(final):
            _put_aside(final)
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
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    sync_folder(folder)


def _put_aside(path: Path) -> None:
    """Take a checkpoint out of the way at once, for `sweep` to delete."""
    name = f".del-{path.name}-{os.getpid()}-{secrets.token_hex(4)}"
    os.rename(path, path.with_name(name))


def _delete(path: Path) -> None:
    """Delete whatever it is, as far as that works."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _newest(folder: Path, skipped: Callable[[RlctlError], None] = lambda error: None) -> Checkpoint:
    damaged: dict[int, RlctlError] = {}
    while rest := [step for step in steps(folder) if step not in damaged]:
        path = step_folder(folder, rest[-1])
        try:
            return load(path, groups=())
        except (Damaged, NotFound) as error:
            if os.path.lexists(path):  # else it was pruned in this moment, and there are newer ones
                damaged[rest[-1]] = error
                skipped(error)
    if not damaged:
        raise NotFound(f"there is no checkpoint in {folder}", "train one: rlctl train ENV")
    newest = damaged[max(damaged)]
    raise Damaged(f"no checkpoint in {folder} is intact; the newest: {newest.message}")


def _hint(file: Path) -> int | None:
    try:
        found = STEP_NAME.fullmatch(file.read_text(encoding="ascii", errors="replace").strip())
    except OSError:
        return None
    return int(found[1]) if found else None


def _named_best(folder: Path) -> set[int]:
    """The steps that the hint and the newest sound manifest call the best."""
    named: set[int] = set()
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
