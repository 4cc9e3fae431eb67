"""Errors of other people's environments: told apart from a stop, and in one line."""

import re
import signal
import threading

from rlctl.core.errors import Stopped, StoppedUnsaved, pip_install

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


def pip_line(problem: BaseException) -> str:
    """How to install what an error misses, into the Python that runs; "" if it does not say.

    The last `pip install` that the error itself names, or that of the module it could not import.
    """
    missing = next(
        (e.name for e in (problem, problem.__cause__) if isinstance(e, ImportError) and e.name), ""
    )
    missing = missing.partition(".")[0]
    named = re.findall(r"pip install ([^`\n]+)", str(problem))
    if missing in _PACKAGES:
        packages = [_PACKAGES[missing]]
    elif named:
        packages = re.sub("['\"]", "", named[-1]).split()
    else:
        packages = [missing] if missing else []
    return pip_install(*packages) if packages else ""
