"""Lock on a folder: one process writes at a time, and its name is recorded.

Uses flock where available; the system releases it when the process ends. Elsewhere (Windows, some
network file systems) an exclusively created file is the lock. In both cases the holder's name is
in a file that a clean release empties, so a name without a lock belongs to a killed process.
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
LOCK_FILE = "lock.held"  # its existence is the lock where flock is not available
TAKEOVER_FILE = "lock.taken"  # exists while the LOCK_FILE of a killed process is taken over
FILES = {NAME, LOCK_FILE, TAKEOVER_FILE}
_HOLDER = re.compile(r"pid (\d+) on (\S+) since ")


class Lock:
    """Lock on a folder, held from construction to `release`.

    Args:
        folder: The existing folder to lock.

    Attributes:
        crashed_holder: The last holder if it did not release the lock; else "".
    """

    def __init__(self, folder: Path) -> None:
        """Acquire the lock.

        Raises:
            RunInUse: Another process holds it; the message names that process.
            OutOfSpace: The folder is not writable.
        """
        self._folder = folder
        self._descriptor: int | None = None
        self._uses_file = False
        self.crashed_holder = self._acquire()

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        with suppress(OSError):  # an error here must not hide the one that ended the work
            os.ftruncate(descriptor, 0)
            if fcntl is not None and not self._uses_file:
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # also releases the copy in forked processes
        with suppress(OSError):
            os.close(descriptor)
        if self._uses_file:
            (self._folder / LOCK_FILE).unlink(missing_ok=True)

    def _acquire(self) -> str:
        """Acquire the lock; return the last holder if it did not release it, else ""."""
        if fcntl is None:
            return self._create_lock_file()
        path = self._folder / NAME
        with writing(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 4096).decode(errors="replace")
            os.close(descriptor)
            raise self._in_use(holder) from None
        except OSError:  # this file system does not support flock
            os.close(descriptor)
            return self._create_lock_file()
        self._descriptor = descriptor
        crashed_holder = os.read(descriptor, 4096).decode(errors="replace").strip()
        try:
            with writing(path):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, _own_id(), 0)
        except BaseException:
            self.release()
            raise
        return crashed_holder

    def _create_lock_file(self) -> str:
        path = self._folder / LOCK_FILE
        self._uses_file = True
        self._descriptor = _create_exclusive(path)
        if self._descriptor is not None:
            return ""
        holder = _read_holder(path)
        # The file of a killed process remains, so its holder must be checked.
        if not _has_ended(holder):
            raise self._in_use(holder, LOCK_FILE)
        guard = _create_exclusive(self._folder / TAKEOVER_FILE)
        if (
            guard is None
        ):  # without it, two processes could take over and one delete the other's lock
            raise self._in_use(holder, LOCK_FILE, TAKEOVER_FILE)
        try:
            # Another process may have taken the lock over since.
            if _read_holder(path) == holder:
                path.unlink()
            self._descriptor = _create_exclusive(path)
        finally:
            os.close(guard)
            (self._folder / TAKEOVER_FILE).unlink()
        if self._descriptor is None:
            raise self._in_use(_read_holder(path), LOCK_FILE)
        return holder

    def _in_use(self, holder: str, *files: str) -> RunInUse:
        """Return the error; `files` are to be deleted if the holder no longer exists."""
        listed = " and ".join(str(self._folder / name) for name in files)
        return RunInUse(
            f"{self._folder} is being written by another process "
            f"({holder.strip() or 'not named yet'})",
            "wait for it or stop it; or choose another --out"
            + (f"; if that process no longer exists, delete {listed}" if files else ""),
        )


def _create_exclusive(path: Path) -> int | None:
    """Create and open a file with this process' name in it; return None if it exists."""
    with writing(path):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            return None
        os.write(descriptor, _own_id())
    return descriptor


def _own_id() -> bytes:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return f"pid {os.getpid()} on {socket.gethostname()} since {since}".encode()


def _read_holder(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return ""


def _has_ended(holder: str) -> bool:
    """Return whether the holder is known to have ended; only known for this machine."""
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
