"""A place of one's own, and whatever a command does beyond it."""

import os
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from unittest import mock

import in_process

_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PATHS = {  # event -> which of its arguments are paths that it changes
    "os.mkdir": (0,), "os.rename": (0, 1), "os.remove": (0,), "os.rmdir": (0,), "os.link": (1,),
    "os.symlink": (1,), "os.truncate": (0,), "os.chmod": (0,), "os.utime": (0,),
    "shutil.rmtree": (0,), "shutil.move": (0, 1), "shutil.copyfile": (1,),
}  # fmt: skip
_NEVER = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.startfile",
          "pty.spawn", "socket.connect", "socket.bind", "socket.getaddrinfo", "urllib.Request",
          "webbrowser.open")  # fmt: skip


_NEEDED = {
    "git",
    "ffmpeg",
    "fc",
    "uname",
    "rlctl.checkpoints.foreign.sandbox_child",
}  # what commands start


class Guard:
    """Notes what this process does that no command should: writes elsewhere, programs, sockets.

    Attributes:
        seen: What it did, in words.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._place = ""
        sys.addaudithook(self._hear)  # for good: Python has no way to take one back

    @contextmanager
    def attached(self, place: Path) -> Iterator[None]:
        """Note what happens in the body; `place` may be written."""
        self.seen, self._place = [], str(place.resolve())
        try:
            yield
        finally:
            self._place = ""

    def _hear(self, event: str, args: tuple) -> None:
        if not self._place:
            return
        if event == "open":
            path, _, flags = args
            if isinstance(path, (str, bytes)) and (flags or 0) & _WRITE:
                self._wrote(event, path)
        elif event in _PATHS:
            for i in _PATHS[event]:
                self._wrote(event, args[i])
        elif event in _NEVER:
            self.seen.append(f"{event} {args}"[:200])
        elif event == "subprocess.Popen":
            words = [str(word) for word in args[1]]
            named = {*words, Path(words[0]).name.partition("-")[0]}
            if not _NEEDED & named and "library_handle" not in words[-1]:  # glfw looks for itself
                self.seen.append(f"{event} {words}"[:200])
        elif event == "exec":
            self._ran(args[0].co_filename)

    def _wrote(self, event: str, path: object) -> None:
        try:
            text = os.path.realpath(os.fsdecode(path))
        except (TypeError, ValueError):
            return  # by its number: it was opened before
        if not text.startswith((self._place, "/dev/null", "/proc")) and "__pycache__" not in text:
            self.seen.append(f"{event} {text}")

    def _ran(self, file: str) -> None:
        """Code of a file in the place, which is where whatever is hostile lies."""
        if not file.startswith("<") and os.path.realpath(file).startswith(self._place):
            self.seen.append(f"ran {file}")


@contextmanager
def private(folder: Path) -> Iterator[Path]:
    """Be in a folder, as a user who has nothing anywhere else."""
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
    with in_process.same_environ(), chdir(folder), mock.patch.dict(os.environ, own):
        yield folder
