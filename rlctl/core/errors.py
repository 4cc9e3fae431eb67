"""What can go wrong, as one tree. Every leaf has an exit code and says what to do next.

    RlctlError
    ├── CheckFailed            1   it ran, and the check failed
    ├── UsageError             2   an option, a setting or a name
    ├── NotFound               3   a path or run that is not there
    ├── Damaged                4   a checkpoint that is damaged or incomplete
    ├── Unsafe                 5   content that could run code or write outside
    ├── Incompatible           6   another environment, layout or format
    ├── DeviceUnavailable      7   a device or back end asked for and absent
    │   └── PackageMissing     7   an optional package that is not installed
    ├── Diverged               8   non-finite values
    ├── OutOfSpace             9   disk or memory full, output not writable
    ├── RendererMissing       10   no OpenGL, no encoder
    ├── RunInUse              11   another process has the run folder
    ├── StoppedUnsaved        12   stopped by a signal before anything could be saved
    └── Stopped        130 / 143   stopped by a signal after a durable save

A message says what was given and what is allowed; the hint says what to do next.
"""

import shlex
import signal
import sys
from importlib.util import find_spec


class RlctlWarning(UserWarning):
    """Trouble that does not stop the work, as the Python library tells it."""


class RlctlError(Exception):
    """A failure the user can act on. As text it is the message and, on a second line, the hint.

    Args:
        message: What was given, and what is wrong with it.
        hint: What to do next; empty when the message says it all.
        data: Figures worth reporting although the command failed.

    Attributes:
        exit_code: Of the command line.
    """

    exit_code = 70

    def __init__(self, message: str, hint: str = "", data: dict | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.data = data or {}

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    @property
    def code(self) -> str:
        """The name of the error in the JSON envelope, e.g. `usage_error`."""
        name = type(self).__name__
        return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


def in_brief(error: BaseException) -> str:
    """What went wrong in one line, for a warning: an RlctlError's message without its hint."""
    text = error.message if isinstance(error, RlctlError) else str(error)
    return " ".join(text.split()) or type(error).__name__


class CheckFailed(RlctlError):
    """It ran and the check failed: a return under the bar, a device check, parity."""

    exit_code = 1


class UsageError(RlctlError):
    """An option, setting, name or configuration file that cannot be used."""

    exit_code = 2


class NotFound(RlctlError):
    """A path, run or checkpoint that is not there."""

    exit_code = 3


class Damaged(RlctlError):
    """A checkpoint whose bytes are not the ones that were written."""

    exit_code = 4


class Unsafe(RlctlError):
    """Content that could run code, write outside its folder or exhaust the machine."""

    exit_code = 5


class Incompatible(RlctlError):
    """A checkpoint of another environment, observation layout, schema or tool."""

    exit_code = 6


class DeviceUnavailable(RlctlError):
    """A device or back end that was asked for and is not here."""

    exit_code = 7


class PackageMissing(DeviceUnavailable):
    """An optional package that is not installed.

    Args:
        need: What needs it.
        packages: What pip calls it; nothing where that is not known.
        instead: What to do without it, "" for nothing.
    """

    def __init__(self, need: str, *packages: str, instead: str = "") -> None:
        install = pip_install(*packages) if packages else "its documentation says what it needs"
        super().__init__(need, install + (f", or {instead}" if instead else ""))


def pip_install(*packages: str) -> str:
    """The command that installs packages for the interpreter that runs."""
    if find_spec("pip"):
        return shlex.join([sys.executable, "-m", "pip", "install", *packages])
    return shlex.join(["uv", "pip", "install", "--python", sys.executable, *packages])


class Diverged(RlctlError):
    """Non-finite values in physics, observations, losses or parameters."""

    exit_code = 8


class OutOfSpace(RlctlError):
    """Disk or memory full, or an output that cannot be written."""

    exit_code = 9


class RendererMissing(RlctlError):
    """No OpenGL platform to draw with, or no encoder to write with."""

    exit_code = 10


class RunInUse(RlctlError):
    """Another process is writing this run folder."""

    exit_code = 11


class StoppedUnsaved(RlctlError):
    """Stopped by a signal before there was anything to save."""

    exit_code = 12


class Stopped(RlctlError):
    """Stopped by a signal, after a durable save."""

    def __init__(
        self, message: str, hint: str = "", data: dict | None = None, signum: int = signal.SIGINT
    ) -> None:
        super().__init__(message, hint, data)
        self.exit_code = 128 + signum
