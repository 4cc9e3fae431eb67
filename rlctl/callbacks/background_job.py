"""Pictures and films drawn beside a training, by commands of rlctl that give way to it."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from rlctl.core import self_command
from rlctl.core.progress import Progress

_LOOK_EVERY = 0.05  # seconds
_WINDOWS = ("BELOW_NORMAL_PRIORITY_CLASS", "CREATE_NEW_PROCESS_GROUP")


class BackgroundJob:
    """One command at a time, in a process of its own on one thread.

    What it draws gets its place when it is whole. The first failure is a warning.

    Args:
        room: A folder for what is not whole yet; not kept.
        progress: Told of a failure.
        done: Told of every file that came to its place.
    """

    def __init__(
        self, room: Path, progress: Progress, done: Callable[[Path], None] = lambda path: None
    ) -> None:
        self.room = room
        self._progress, self._done = progress, done
        self._process: subprocess.Popen | None = None
        self._said: IO[bytes] | None = None
        self._work: tuple[tuple[str, ...], Path] = ((), room)
        self._warned = False
        shutil.rmtree(room, ignore_errors=True)  # of a training that was killed

    @property
    def busy(self) -> bool:
        """Whether something is being drawn; sees to what has just ended."""
        if self._process is not None and self._process.poll() is not None:
            self._settle(self._process.returncode)
        return self._process is not None

    def start(self, arguments: tuple[str, ...], out: Path, gently: bool = True) -> None:
        """Begin to draw; what is under way is given up.

        Args:
            arguments: Of rlctl, all but --out.
            out: The file.
            gently: Take only what time the training leaves.
        """
        self._leave()
        self.room.mkdir(parents=True, exist_ok=True)
        self._work = arguments, out
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process has ended
        self._process = subprocess.Popen(
            self_command.command(
                *arguments, "--out", str(self.room / out.name), "--json", "--quiet"
            ),
            env=self_command.environment(threads=1),
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=subprocess.DEVNULL,
            # Ctrl-C is not for it. Not a session of its own: Linux may share the cores between
            # sessions first, and a session does not give way to another.
            process_group=0,
            creationflags=sum(getattr(subprocess, name, 0) for name in _WINDOWS),
        )
        if gently:
            _give_way(self._process.pid)

    def hurry(self) -> None:
        """Begin what is under way anew at full speed, as nobody may raise a priority again."""
        if self.busy:
            self.start(*self._work, gently=False)

    def wait(self, given_up: Callable[[], bool]) -> None:
        """Wait until it is drawn or given up."""
        while self.busy and not given_up():
            time.sleep(_LOOK_EVERY)

    def close(self) -> None:
        """Give up what is under way, and clean up."""
        self._leave()
        shutil.rmtree(self.room, ignore_errors=True)

    def _settle(self, code: int) -> None:
        _, out = self._work
        told = self._words()
        self._process = None
        if code == 0:
            os.replace(self.room / out.name, out)
        shutil.rmtree(self.room, ignore_errors=True)
        if code == 0:
            self._done(out)
        elif not self._warned:
            self._warned = True
            self._progress.event("warning", message=f"no {out.name}: {told or f'exit {code}'}")

    def _words(self) -> str:
        """What the command said was wrong, empty if nothing."""
        with self._said as said, suppress(ValueError, KeyError, TypeError):
            said.seek(0)
            return json.loads(said.read())["error"]["message"]
        return ""

    def _leave(self) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            if hasattr(os, "killpg"):  # FFmpeg too
                os.killpg(self._process.pid, 9)
            else:
                self._process.kill()
        self._process.wait()
        self._process = None
        self._said.close()


def _give_way(process: int) -> None:
    """Have a process take only what time others leave.

    On Linux what is merely nice would still make the training's threads wait, whenever they wake
    up, for the rest of its slice of some milliseconds; what is idle stops at once.
    """
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(process, os.SCHED_IDLE, os.sched_param(0))
    elif hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, process, 19)
