"""Files that are whole or not there, and the JSON that goes into them."""

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
    """Turn a failure to write `path` into `OutOfSpace`, which names it.

    Raises:
        OutOfSpace: The disk is full, or the place cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise OutOfSpace(
                f"no space left to write {path}", "free some space or choose another place"
            ) from error
        if error.errno in REFUSED:
            raise OutOfSpace(
                f"cannot write {path}: {os.strerror(error.errno)}",
                "choose a place that you may write",
            ) from error
        raise


def write_atomic(path: Path, content: bytes, room: Path | None = None) -> None:
    """Write a file so that readers see the old content or the new, never a part.

    The folder of `path` is made if need be. The content is on the disk when this returns.

    Args:
        path: The file.
        content: All of it.
        room: Where to write it first, on the same file system; None: beside the file.

    Raises:
        OutOfSpace: The disk is full, or the place cannot be written; the old file is untouched.
            Or there is a folder, a device or a pipe of that name.
    """
    temporary = (room or path.parent) / f".{path.name}.{os.getpid()}.tmp"
    with writing(path):
        if path.exists() and not path.is_file():
            raise OutOfSpace(f"cannot write {path}: it is no file", "choose another name")
        make_folder(path.parent)
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
    """Delete what killed processes left of their `write_atomic`; none may be under way."""
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        with suppress(OSError):
            left.unlink()


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where missing; their names are on the disk then."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(exist_ok=True)
        sync_folder(place.parent)


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Where to write a new file or folder that appears as `path` once it is whole and on the disk.

    The folder of `path` is made if need be. After a failure there is nothing.

    Raises:
        OutOfSpace: The disk is full, or the place cannot be written.
    """
    room = path.with_name(f".{path.name}.{os.getpid()}.tmp")  # for temporaries of the writer's too
    with writing(path):
        make_folder(path.parent)
        shutil.rmtree(room, ignore_errors=True)  # of a killed process that had this number
        room.mkdir()
        try:
            made = room / path.name
            yield made
            for item in (made, *made.rglob("*")):
                sync_folder(item) if item.is_dir() else _sync(item, os.O_RDWR)
            os.rename(made, path)
            try:
                sync_folder(path.parent)
            except OSError:
                os.rename(path, made)  # it may not last, so it is not there
                raise
        finally:
            shutil.rmtree(room, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    if os.name != "nt":  # Windows cannot open a folder
        _sync(folder, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def plain(value: Any) -> Any:
    """The value as JSON can hold it: non-finite numbers are None, arrays are lists."""
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
    if hasattr(value, "tolist"):  # numpy and JAX, without importing either
        return plain(value.tolist())
    return str(value)


def to_json(value: Any) -> str:
    """One line of strict JSON."""
    return json.dumps(plain(value), allow_nan=False, ensure_ascii=True)


def cache_folder() -> Path:
    """Where this user's caches and crash reports lie; not made yet."""
    if home := os.environ.get("XDG_CACHE_HOME"):
        return Path(home) / "rlctl"
    if os.name == "nt" and (home := os.environ.get("LOCALAPPDATA")):
        return Path(home) / "rlctl"
    return Path.home() / ".cache" / "rlctl"
