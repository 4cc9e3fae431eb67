"""One process at a time: a lock on a folder, and the name of who holds it.

Held by the system (flock) where it can: it ends with the process, however that ends. Where it
cannot (Windows, some network file systems), by a file that is made by one process and then there.
Either way the holder's name is in a file, which a proper end clears: a name that nobody holds is of
one that was killed.
"""

import os
import re
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from rlctl.core.errors import RunInUse
from rlctl.core.files import writing

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NAME = "lock"
MADE = "lock.held"  # the file whose being there is the lock, where the system has none
GUARD = "lock.taken"  # there while MADE, left by a killed process, is taken over
FILES = {NAME, MADE, GUARD}
_HOLDER = re.compile(r"pid (\d+) on (\S+) since ")


class Lock:
    """A lock on a folder, from its making to `release`.

    Args:
        folder: What is locked; it is there.

    Attributes:
        left_by: Who held it last and did not end properly; "" if the last one did.
    """

    def __init__(self, folder: Path) -> None:
        """Take it.

        Raises:
            RunInUse: Another process has it; names it.
            OutOfSpace: The folder cannot be written.
        """
        self._folder = folder
        self._descriptor: int | None = None
        self._made = False
        self.left_by = self._flock() if fcntl else self._make()

    def release(self) -> None:
        """Give it back; a second time does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        with suppress(OSError):  # nothing here may hide what ended the work
            os.ftruncate(descriptor, 0)
            if not self._made:
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # for forked processes as well
        with suppress(OSError):
            os.close(descriptor)
        if self._made:
            (self._folder / MADE).unlink(missing_ok=True)

    def _flock(self) -> str:
        path = self._folder / NAME
        with writing(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 4096).decode(errors="replace")
            os.close(descriptor)
            raise self._in_use(holder) from None
        except OSError:  # this file system has no such locks
            os.close(descriptor)
            return self._make()
        self._descriptor = descriptor
        left_by = os.read(descriptor, 4096).decode(errors="replace").strip()
        try:
            with writing(path):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, _myself(), 0)
        except BaseException:
            self.release()
            raise
        return left_by

    def _make(self) -> str:
        path = self._folder / MADE
        self._made = True
        self._descriptor = _new(path)
        if self._descriptor is not None:
            return ""
        holder = _content(path)
        if not _is_over(holder):
            raise self._in_use(holder, MADE)
        guard = _new(self._folder / GUARD)
        if guard is None:  # else two could both find it left, and one delete the other's
            raise self._in_use(holder, MADE, GUARD)
        try:
            if _content(path) == holder:
                path.unlink()
            self._descriptor = _new(path)
        finally:
            os.close(guard)
            (self._folder / GUARD).unlink()
        if self._descriptor is None:
            raise self._in_use(_content(path), MADE)
        return holder

    def _in_use(self, holder: str, *files: str) -> RunInUse:
        """The error; `files` are those to delete should the holder be no more."""
        listed = " and ".join(str(self._folder / name) for name in files)
        return RunInUse(
            f"{self._folder} is being written by another process "
            f"({holder.strip() or 'not named yet'})",
            "wait for it or stop it; or choose another --out"
            + (f"; if there is no such process any more, delete {listed}" if files else ""),
        )


def _new(path: Path) -> int | None:
    """A new file with this process' name in it, open; None where it is there already."""
    with writing(path):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            return None
        os.write(descriptor, _myself())
    return descriptor


def _myself() -> bytes:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return f"pid {os.getpid()} on {socket.gethostname()} since {since}".encode()


def _content(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return ""


def _is_over(holder: str) -> bool:
    """Whether that process is known to have ended: one of this machine, where that can be asked."""
    found = _HOLDER.match(holder)
    if not found or found[2] != socket.gethostname() or os.name == "nt":
        return False
    try:
        os.kill(int(found[1]), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False
