"""Patched file system calls that are recorded and can fail.

Patches the functions of `os` and `open`. The record is complete if `disk_model.Disk` reproduces the
same files from it, which `crash_states.record` asserts.
"""

import builtins
import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

OF_DESCRIPTORS = ("write", "fsync", "close", "ftruncate")
OF_PATHS = ("mkdir", "rename", "replace", "unlink", "rmdir")
NEED_SPACE = ("open", "mkdir", "write", "fsync", "ftruncate")
MODES = {"wb": os.O_WRONLY | os.O_CREAT | os.O_TRUNC, "ab": os.O_WRONLY | os.O_CREAT | os.O_APPEND}
PIECE = 4000  # largest write in bytes: short writes are legal


class System:
    """File system operations below a folder, counted from 1; some of them fail.

    Args:
        root: The folder.
        n: The first operation that fails; 0: none.
        code: The error, a name in `errno`; "DROP": a write reports success but writes nothing.
        then_fail: Later operations that fail too: `none`, `space` (those that need it), `all`.

    Attributes:
        then_fail: As given.
        count: Number of modifying operations so far.
        record: All operations: name, then paths relative to the root, descriptors, data.
    """

    def __init__(
        self, root: Path, n: int = 0, code: str = "ENOSPC", then_fail: str = "none"
    ) -> None:
        self.count = 0
        self.record: list[tuple[Any, ...]] = []
        self._root, self._n, self._code, self.then_fail = os.path.abspath(root), n, code, then_fail
        self._paths: dict[int, str] = {}  # of open descriptors
        self._written: set[int] = set()
        self._real = {name: getattr(os, name) for name in ("open", *OF_DESCRIPTORS, *OF_PATHS)}

    def note(self, step: int) -> None:
        """Record that a step was reported as saved at this point."""
        self.record.append(("note", step))

    @contextmanager
    def installed(self) -> Iterator["System"]:
        """Replace the real functions in the `with` body."""
        with pytest.MonkeyPatch.context() as patch:
            for name in OF_DESCRIPTORS:
                patch.setattr(os, name, self._of_descriptor(name))
            for name in OF_PATHS:
                patch.setattr(os, name, self._of_paths(name))
            patch.setattr(os, "open", self._open)
            patch.setattr(builtins, "open", self._open_file(builtins.open))
            patch.setattr(io, "open", builtins.open)  # what pathlib uses
            try:
                yield self
            finally:  # as at the end of the process
                for descriptor in list(self._written):
                    self._close(descriptor)

    def _of_descriptor(self, name: str) -> Any:
        def operation(descriptor: int, *args: Any) -> Any:
            if descriptor not in self._paths:
                return self._real[name](descriptor, *args)
            if name == "close" and descriptor not in self._written:
                return self._close(descriptor)
            if name == "write":
                args = (bytes(args[0])[:PIECE],)
            try:
                self._count(name)
            except _Dropped:
                return len(args[0])
            except OSError:
                if name == "write":
                    self._do(name, descriptor, args[0][: len(args[0]) // 2])
                if name == "close":
                    self._close(descriptor)  # as the kernel does, whatever it returns
                raise
            return self._close(descriptor) if name == "close" else self._do(name, descriptor, *args)

        return operation

    def _of_paths(self, name: str) -> Any:
        def operation(*args: Any, **kwargs: Any) -> Any:
            folder = kwargs.get("dir_fd")
            paths = [self._relative(path, folder) for path in args if not isinstance(path, int)]
            if None not in paths:
                self._count(name)
            done = self._real[name](*args, **kwargs)
            if None not in paths:
                self.record.append(("rename" if name == "replace" else name, *paths))
            return done

        return operation

    def _open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        place = self._relative(path, dir_fd)
        if place is not None and flags & (os.O_CREAT | os.O_TRUNC):
            self._count("open")
        descriptor = self._real["open"](path, flags, mode, dir_fd=dir_fd)
        if place is not None:
            self.record.append(("open", place, flags, descriptor))
            self._paths[descriptor] = place
            if flags & (os.O_WRONLY | os.O_RDWR):
                self._written.add(descriptor)
        return descriptor

    def _open_file(self, real: Any) -> Any:
        def operation(
            file: Any, mode: str = "r", buffering: int = -1, *more: Any, **kw: Any
        ) -> Any:
            inside = not isinstance(file, int) and self._relative(file) is not None
            if not inside or set(mode) <= set("rbt"):
                return real(file, mode, buffering, *more, **kw)
            raw = _File(os.open(file, MODES[mode], 0o666))
            return io.BufferedWriter(raw) if buffering else raw

        return operation

    def _close(self, descriptor: int) -> None:
        del self._paths[descriptor]
        self.record.append(("close", descriptor))
        self._written.discard(descriptor)
        self._real["close"](descriptor)

    def _do(self, name: str, *args: Any) -> Any:
        """Run and record an operation; fsync is only recorded, as it is slow."""
        done = None if name == "fsync" else self._real[name](*args)
        self.record.append((name, *args))
        return done

    def _relative(self, path: Any, folder: int | None = None) -> str | None:
        """Return the path relative to the root; None if it is outside."""
        if isinstance(path, int) or (folder is not None and folder not in self._paths):
            return None
        above = os.path.join(self._root, self._paths[folder]) if folder is not None else os.getcwd()
        whole = os.path.normpath(os.path.join(above, os.fspath(path)))
        if whole != self._root and not whole.startswith(self._root + os.sep):
            return None
        return os.path.relpath(whole, self._root)

    def _count(self, name: str) -> None:
        self.count += 1
        later = self._n and self.count > self._n and self.then_fail
        fails = later == "all" or (later == "space" and name in NEED_SPACE)
        if not fails and self.count != self._n:
            return
        if self._code != "DROP":
            code = getattr(errno, self._code)
            raise OSError(code, os.strerror(code))
        if name == "write":
            raise _Dropped


@contextmanager
def skip_fsync() -> Iterator[None]:
    """Make fsync a no-op in the `with` body."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


class _Dropped(Exception):
    """Raised internally for a write that reports success but writes nothing."""


class _File(io.RawIOBase):
    """File opened for writing that uses the patched `os` functions."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: Any) -> int:
        return os.write(self._descriptor, data)

    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self._descriptor)
