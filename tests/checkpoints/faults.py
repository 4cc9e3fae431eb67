"""The operating system, failing at the n-th operation that changes anything."""

import builtins
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHANGING = ("mkdir", "write", "fsync", "close", "rename", "replace", "unlink", "rmdir")


class Killed(BaseException):
    """The process is gone: nothing it does from now on has an effect."""


class System:
    """Counts operations, and fails from the n-th on.

    Args:
        n: The first that fails, counted from 1; 0: none does.
        kind: `kill`: it and every later one raise Killed. `once`: it alone has no space left.
            `full`: from it on whatever needs space has none left, and the rest works.
    """

    def __init__(self, n: int = 0, kind: str = "kill") -> None:
        self.n = n
        self.kind = kind
        self.count = 0
        self.log: list[tuple[str, Any]] = []
        self._written: set[int] = set()

    @contextmanager
    def installed(self) -> Iterator["System"]:
        """Put it in the place of the real one."""
        with pytest.MonkeyPatch.context() as patch:
            for name in CHANGING:
                patch.setattr(os, name, self._wrapped(name, getattr(os, name)))
            patch.setattr(os, "open", self._opening(os.open, self._creates_descriptor))
            patch.setattr(builtins, "open", self._opening(open, self._creates_file))
            yield self

    def _wrapped(self, name: str, real: Any) -> Any:
        def operation(*args: Any, **kwargs: Any) -> Any:
            self.log.append((name, args))
            if name == "close" and args[0] not in self._written:
                return real(*args)  # a file that was only read
            if name == "close":
                self._written.remove(args[0])
            try:
                self._tick(name)
            except BaseException:
                if name == "close":
                    real(*args)  # as the kernel does, whatever it returns
                if name == "write":
                    real(args[0], bytes(args[1])[: len(args[1]) // 2])  # torn
                raise
            if name == "fsync":
                return None  # slow, and not what these tests are about
            if name == "write":
                return real(args[0], bytes(args[1])[:1000])  # short writes are legal
            return real(*args, **kwargs)

        return operation

    def _opening(self, real: Any, creates: Any) -> Any:
        def operation(*args: Any, **kwargs: Any) -> Any:
            changes = creates(*args, **kwargs)
            if changes:
                self._tick("open")
            result = real(*args, **kwargs)
            if changes and isinstance(result, int):
                self._written.add(result)
            self.log.append(("open", (args[0], result)))
            return result

        return operation

    @staticmethod
    def _creates_descriptor(path: Any, flags: int, *args: Any, **kwargs: Any) -> bool:
        return bool(flags & os.O_CREAT)

    @staticmethod
    def _creates_file(path: Any, mode: str = "r", *args: Any, **kwargs: Any) -> bool:
        return "w" in mode

    def _tick(self, name: str) -> None:
        self.count += 1
        if not self.n or self.count < self.n:
            return
        if self.kind == "kill":
            raise Killed
        if self.kind == "full" and name in ("close", "rename", "replace", "unlink", "rmdir"):
            return
        if self.kind == "full" or self.count == self.n:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
