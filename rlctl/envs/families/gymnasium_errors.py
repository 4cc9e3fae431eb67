"""Errors of other people's environments: told apart from a stop, and in one line."""

import re
import signal
import threading

from rlctl.core.errors import Stopped, StoppedUnsaved

_PACKAGES = {"pygame": "pygame-ce"}  # module -> the package that has it, where the names differ


def is_stop(problem: BaseException) -> bool:
    """Whether the user stops rlctl, rather than an environment failing.

    An environment may raise whatever it likes, SystemExit and KeyboardInterrupt included. Ctrl-C
    raises only in a main thread, and only where it is not ignored.
    """
    if isinstance(problem, Stopped | StoppedUnsaved):
        return True
    heard = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    )
    return isinstance(problem, KeyboardInterrupt) and heard


def words(problem: BaseException) -> str:
    """An error in one line: its kind and the first line of its text."""
    kind = type(problem).__name__
    try:
        lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    except Exception:  # its own __str__ failed
        lines = []
    return f"{kind}: {lines[0]}" if lines else kind


def missing_packages(problem: BaseException) -> list[str]:
    """Name what has to be installed for an error to go away, as pip calls it; [] if it is unknown.

    Those of the last `pip install` that the error names, or of the module it could not import.
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
