"""The error classes. Every class has an exit code; every error says what to do next.

    RlctlError
    ├── CheckFailed            1   the command ran, and the check failed
    ├── UsageError             2   an invalid option, setting or name
    ├── NotFound               3   a path or run that does not exist
    ├── Damaged                4   a checkpoint that is damaged or incomplete
    ├── Unsafe                 5   content that could run code or write outside
    ├── Incompatible           6   another environment, layout or format
    ├── DeviceUnavailable      7   a device or back end that is not available
    │   └── PackageMissing     7   an optional package that is not installed
    ├── Diverged               8   non-finite values
    ├── OutOfSpace             9   disk or memory full, output not writable
    ├── RendererMissing       10   no OpenGL, no encoder
    ├── RunInUse              11   another process writes the run folder
    ├── StoppedUnsaved        12   stopped by a signal before anything could be saved
    └── Stopped        130 / 143   stopped by a signal after a durable save

The message says what was given and what is allowed; the hint says what to do next.
"""

import shlex
import signal
import sys
from importlib.util import find_spec


class RlctlWarning(UserWarning):
    """Warning issued by the Python library."""


class RlctlError(Exception):
    """Base class of errors the user can act on. `str()` gives the message, then the hint.

    Args:
        message: What was given, and what is wrong with it.
        hint: What to do next; empty if the message says it all.
        data: Results to report although the command failed.

    Attributes:
        exit_code: Exit code of the command line.
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
        """Name of the error in the JSON envelope, e.g. `usage_error`."""
        name = type(self).__name__
        return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


def in_brief(error: BaseException) -> str:
    """Return the error in one line, for a warning: an RlctlError's message without its hint."""
    text = error.message if isinstance(error, RlctlError) else str(error)
    return " ".join(text.split()) or type(error).__name__


class CheckFailed(RlctlError):
    """Failed check: a return below --min-return, a device check, a parity comparison."""

    exit_code = 1


class UsageError(RlctlError):
    """Invalid option, setting, name or configuration file."""

    exit_code = 2


class NotFound(RlctlError):
    """Path, run or checkpoint that does not exist."""

    exit_code = 3


class Damaged(RlctlError):
    """Checkpoint whose bytes differ from those that were written."""

    exit_code = 4


class Unsafe(RlctlError):
    """Content that could run code, write outside its folder or exhaust memory."""

    exit_code = 5


class Incompatible(RlctlError):
    """Checkpoint of another environment, observation layout, schema or tool."""

    exit_code = 6


class DeviceUnavailable(RlctlError):
    """Requested device or back end that is not available."""

    exit_code = 7


class PackageMissing(DeviceUnavailable):
    """Optional package that is not installed.

    Args:
        need: What needs it, as a sentence.
        packages: The names that pip installs; none if unknown.
        instead: What to do without the package, "" for nothing.
    """

    def __init__(self, need: str, *packages: str, instead: str = "") -> None:
        install = pip_install(*packages) if packages else "its documentation says what it needs"
        super().__init__(need, install + (f", or {instead}" if instead else ""))


def pip_install(*packages: str) -> str:
    """Return the command that installs packages for the running interpreter."""
    if find_spec("pip"):
        return shlex.join([sys.executable, "-m", "pip", "install", *packages])
    return shlex.join(["uv", "pip", "install", "--python", sys.executable, *packages])


class Diverged(RlctlError):
    """Non-finite values in physics, observations, losses or parameters."""

    exit_code = 8


class OutOfSpace(RlctlError):
    """Full disk or memory, or an output that cannot be written."""

    exit_code = 9


class RendererMissing(RlctlError):
    """Missing OpenGL platform or video encoder."""

    exit_code = 10


class RunInUse(RlctlError):
    """Run folder that another process is writing."""

    exit_code = 11


class StoppedUnsaved(RlctlError):
    """Stopped by a signal before anything was saved."""

    exit_code = 12


class Stopped(RlctlError):
    """Stopped by a signal, after a durable save."""

    def __init__(
        self, message: str, hint: str = "", data: dict | None = None, signum: int = signal.SIGINT
    ) -> None:
        super().__init__(message, hint, data)
        self.exit_code = 128 + signum
