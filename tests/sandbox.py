"""Isolated working folder, and detection of side effects outside it."""

import os
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from unittest import mock

import cli_runner

_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PATHS = {  # audit event -> indices of the path arguments that it changes
    "os.mkdir": (0,), "os.rename": (0, 1), "os.remove": (0,), "os.rmdir": (0,), "os.link": (1,),
    "os.symlink": (1,), "os.truncate": (0,), "os.chmod": (0,), "os.utime": (0,),
    "shutil.rmtree": (0,), "shutil.move": (0, 1), "shutil.copyfile": (1,),
}  # fmt: skip
_NEVER = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.startfile",
          "pty.spawn", "socket.connect", "socket.bind", "socket.getaddrinfo", "urllib.Request",
          "webbrowser.open")  # fmt: skip

# Programs that commands may start.
_NEEDED = {"git", "ffmpeg", "fc", "uname", "rlctl.checkpoints.foreign.sandbox_child"}


class Guard:
    """Records forbidden side effects: writes outside the folder, programs, sockets.

    Attributes:
        violations: Descriptions of the recorded side effects.
    """

    def __init__(self) -> None:
        self.violations: list[str] = []
        self._place = ""
        sys.addaudithook(self._on_audit_event)  # audit hooks cannot be removed

    @contextmanager
    def attached(self, place: Path) -> Iterator[None]:
        """Record side effects in the `with` body; writes to `place` are allowed."""
        self.violations, self._place = [], str(place.resolve())
        try:
            yield
        finally:
            self._place = ""

    def _on_audit_event(self, event: str, args: tuple) -> None:
        if not self._place:
            return
        if event == "open":
            path, _, flags = args
            if isinstance(path, (str, bytes)) and (flags or 0) & _WRITE:
                self._check_write(event, path)
        elif event in _PATHS:
            for i in _PATHS[event]:
                self._check_write(event, args[i])
        elif event in _NEVER:
            self.violations.append(f"{event} {args}"[:200])
        elif event == "subprocess.Popen":
            words = [str(word) for word in args[1]]
            named = {*words, Path(words[0]).name.partition("-")[0]}
            if not _NEEDED & named and "library_handle" not in words[-1]:  # glfw's library search
                self.violations.append(f"{event} {words}"[:200])
        elif event == "exec":
            self._check_exec(args[0].co_filename)

    def _check_write(self, event: str, path: object) -> None:
        try:
            text = os.path.realpath(os.fsdecode(path))
        except (TypeError, ValueError):
            return  # a file descriptor, opened earlier
        if not text.startswith((self._place, "/dev/null", "/proc")) and "__pycache__" not in text:
            self.violations.append(f"{event} {text}")

    def _check_exec(self, file: str) -> None:
        """Record the execution of code from a file in the folder, where hostile files are."""
        if not file.startswith("<") and os.path.realpath(file).startswith(self._place):
            self.violations.append(f"ran {file}")


@contextmanager
def isolated(folder: Path) -> Iterator[Path]:
    """Change to a folder and point all user folders to it in the `with` body."""
    own = {
        "RLCTL_RUNS": str(folder / "runs"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "MENAGERIE_CACHE_DIR": str(folder / "menagerie"),
        "TMPDIR": str(folder),
        "MPLCONFIGDIR": str(folder / "matplotlib"),
        "NO_COLOR": "1",
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "",
    }
    with cli_runner.same_environ(), chdir(folder), mock.patch.dict(os.environ, own):
        yield folder
