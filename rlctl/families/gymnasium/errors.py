"""Exceptions of foreign environments: distinguished from a stop, and described in one line."""

import re
import signal
import threading

from rlctl.core.errors import Stopped, StoppedUnsaved

_PACKAGES = {"pygame": "pygame-ce"}  # module -> package, where the names differ


def is_stop(problem: BaseException) -> bool:
    """Return whether an exception means that the user stops rlctl, not that an environment failed.

    Environments may raise anything, including SystemExit and KeyboardInterrupt. Ctrl-C raises only
    in a main thread, and only if SIGINT is not ignored.
    """
    if isinstance(problem, Stopped | StoppedUnsaved):
        return True
    interruptible = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    )
    return isinstance(problem, KeyboardInterrupt) and interruptible


def describe_error(problem: BaseException) -> str:
    """Describe an exception in one line: its type and the first line of its text."""
    kind = type(problem).__name__
    try:
        lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    except Exception:  # its own __str__ failed
        lines = []
    return f"{kind}: {lines[0]}" if lines else kind


def missing_packages(problem: BaseException) -> list[str]:
    """Return the pip packages whose absence caused an error; [] if unknown.

    They are those of the last `pip install` in its text, or that of the module in an ImportError.
    """
    missing = next(
        (e.name for e in (problem, problem.__cause__) if isinstance(e, ImportError) and e.name), ""
    )
    missing = missing.partition(".")[0]
    named = re.findall(r"pip install ([^`\n]+)", str(problem))
    if missing in _PACKAGES:
        return [_PACKAGES[missing]]
    if named:
        return re.sub("['\"]", "", named[-1]).split()
    return [missing] if missing else []
