"""Atomic writing of files and folders, and strict JSON."""

import errno
import json
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from rlctl.core.errors import OutOfSpace

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
REFUSED = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENOENT,
    errno.EEXIST,
    errno.ENAMETOOLONG,
    errno.EIO,
}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Convert an OSError while writing `path` into `OutOfSpace`, which names the path.

    Raises:
        OutOfSpace: The disk is full, or the path is not writable.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise OutOfSpace(
                f"no space left to write {path}", "free some space or choose another path"
            ) from error
        if error.errno in REFUSED:
            raise OutOfSpace(
                f"cannot write {path}: {os.strerror(error.errno)}",
                "choose a path that you can write to",
            ) from error
        raise


def write_atomic(path: Path, content: bytes, staging: Path | None = None) -> None:
    """Write a file atomically: readers see the old content or the new, never a part.

    Creates the parent folder if needed. The content is durable when this returns.

    Args:
        path: The file.
        content: The whole content.
        staging: Folder for the temporary file, on the same file system; None: the parent folder.

    Raises:
        OutOfSpace: The disk is full or the path is not writable (the old file is untouched), or
            the path is a folder, a device or a pipe.
    """
    temporary = (staging or path.parent) / f".{path.name}.{os.getpid()}.tmp"
    with writing(path):
        if path.exists() and not path.is_file():
            raise OutOfSpace(
                f"cannot write {path}: it is not a regular file", "choose another name"
            )
        make_folder(path.parent)
        # fsync before the rename: otherwise a power loss could leave the name without content.
        try:
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        sync_folder(path.parent)


def sweep_temporaries(path: Path) -> None:
    """Delete temporary files that killed processes left; no write may be running."""
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        with suppress(OSError):
            left.unlink()


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents; their names are durable when this returns."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(exist_ok=True)
        sync_folder(place.parent)


@contextmanager
def atomic_output(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; rename it to `path` once its content is durable.

    Works for files and folders. Creates the parent folder if needed. Leaves nothing after an error.

    Raises:
        OutOfSpace: The disk is full, or the path is not writable.
    """
    # A folder, so that it also holds the temporaries that the writer creates beside its output.
    staging = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with writing(path):
        make_folder(path.parent)
        shutil.rmtree(staging, ignore_errors=True)  # of a killed process with the same id
        staging.mkdir()
        try:
            output = staging / path.name
            yield output
            for item in (output, *output.rglob("*")):
                sync_folder(item) if item.is_dir() else _sync(item, os.O_RDWR)
            os.rename(output, path)
            try:
                sync_folder(path.parent)
            except OSError:
                os.rename(path, output)  # not durable, so undo it
                raise
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, if the system supports it."""
    if os.name != "nt":  # Windows cannot open folders
        _sync(folder, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def plain(value: Any) -> Any:
    """Convert a value to plain JSON data: non-finite numbers to None, arrays to lists."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if callable(tolist := getattr(value, "tolist", None)):  # numpy and JAX, importing neither
        return plain(tolist())
    return str(value)


def to_json(value: Any) -> str:
    """Return the value as one line of strict JSON."""
    return json.dumps(plain(value), allow_nan=False, ensure_ascii=True)


def cache_folder() -> Path:
    """Return the folder of the user's caches and crash reports; it may not exist yet."""
    if home := os.environ.get("XDG_CACHE_HOME"):
        return Path(home) / "rlctl"
    if os.name == "nt" and (home := os.environ.get("LOCALAPPDATA")):
        return Path(home) / "rlctl"
    return Path.home() / ".cache" / "rlctl"
