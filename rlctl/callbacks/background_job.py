"""Low-priority background process that runs one rlctl command during a training."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rlctl.core import self_command
from rlctl.core.progress import Progress

_POLL_INTERVAL = 0.05  # seconds
_WINDOWS_FLAGS = ("BELOW_NORMAL_PRIORITY_CLASS", "CREATE_NEW_PROCESS_GROUP")


@dataclass(frozen=True)
class _Command:
    """A running command: its arguments without --out, its output file, its process and stdout."""

    arguments: tuple[str, ...]
    out: Path
    process: subprocess.Popen[bytes]
    stdout: IO[bytes]


class BackgroundJob:
    """Background runner of rlctl commands, one at a time, each in a single-threaded process.

    The output file is moved to its path only when the command has succeeded. Only the first
    failure is reported, as a warning.

    Args:
        temp_folder: Folder for unfinished output; deleted at the start and after each command.
        progress: Receives the warning.
        on_file: Called with the path of every finished file.
    """

    def __init__(
        self,
        temp_folder: Path,
        progress: Progress,
        on_file: Callable[[Path], None] = lambda path: None,
    ) -> None:
        self.temp_folder = temp_folder
        self._progress, self._on_file = progress, on_file
        self._running: _Command | None = None
        self._warned = False
        shutil.rmtree(temp_folder, ignore_errors=True)  # left by a training that was killed

    @property
    def busy(self) -> bool:
        """True while a command is running; finishes a command that has just ended first."""
        return self._current() is not None

    def start(self, arguments: tuple[str, ...], out: Path, low_priority: bool = True) -> None:
        """Start a command; kill the running one.

        Args:
            arguments: Arguments of rlctl, without --out.
            out: The output file.
            low_priority: Whether the command uses only processor time that the training leaves.
        """
        self._kill()
        self.temp_folder.mkdir(parents=True, exist_ok=True)
        stdout = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process has ended
        process = subprocess.Popen(
            self_command.command(
                *arguments, "--out", str(self.temp_folder / out.name), "--json", "--quiet"
            ),
            env=self_command.environment(threads=1),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
            # A new process group, so that Ctrl-C does not reach the command. Not a new session:
            # Linux may divide the cores between sessions first (autogroup), and then the priority
            # has no effect on the training, which is in another session.
            process_group=0,
            creationflags=sum(getattr(subprocess, name, 0) for name in _WINDOWS_FLAGS),
        )
        self._running = _Command(arguments, out, process, stdout)
        if low_priority:
            _lower_priority(process.pid)

    def restart_at_normal_priority(self) -> None:
        """Restart the running command at normal priority.

        An unprivileged process cannot raise a priority again, so the command starts over.
        """
        if running := self._current():
            self.start(running.arguments, running.out, low_priority=False)

    def wait(self, cancelled: Callable[[], bool]) -> None:
        """Wait until the command has ended or `cancelled` returns True."""
        while self.busy and not cancelled():
            time.sleep(_POLL_INTERVAL)

    def close(self) -> None:
        """Kill the running command and delete unfinished output."""
        self._kill()
        shutil.rmtree(self.temp_folder, ignore_errors=True)

    def _current(self) -> _Command | None:
        """Return the running command, None without one; one that has just ended is finished."""
        if self._running is not None and self._running.process.poll() is not None:
            self._finish(self._running)
        return self._running

    def _finish(self, ended: _Command) -> None:
        out, code = ended.out, ended.process.returncode
        reason = _error_message(ended.stdout)
        self._running = None
        if code == 0:
            os.replace(self.temp_folder / out.name, out)
        shutil.rmtree(self.temp_folder, ignore_errors=True)
        if code == 0:
            self._on_file(out)
        elif not self._warned:
            self._warned = True
            message = f"{out.name} was not written: {reason or f'exit code {code}'}"
            self._progress.event("warning", message=message)

    def _kill(self) -> None:
        if self._running is None:
            return
        process = self._running.process
        with suppress(ProcessLookupError):
            if hasattr(os, "killpg"):  # the whole group: the command may have started FFmpeg
                os.killpg(process.pid, 9)
            else:
                process.kill()
        process.wait()
        self._running.stdout.close()
        self._running = None


def _error_message(output: IO[bytes]) -> str:
    """Return the error message that the command printed, "" without one; close its output."""
    with output, suppress(ValueError, KeyError, TypeError):
        output.seek(0)
        return json.loads(output.read())["error"]["message"]
    return ""


def _lower_priority(pid: int) -> None:
    """Restrict a process to processor time that no other process uses.

    Niceness is not enough on Linux: when a thread of the training wakes up, it waits for the rest
    of the nice process's time slice, some milliseconds. A SCHED_IDLE process is preempted.
    """
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
    elif hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, pid, 19)
