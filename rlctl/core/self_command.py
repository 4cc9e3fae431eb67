"""Command and environment for running this rlctl in a child process."""

import os
import sys
from pathlib import Path

import rlctl

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LP_NUM_THREADS")


def command(*arguments: str) -> list[str]:
    """Return the command that runs `rlctl` with these arguments in any working directory."""
    # -P: do not import from the working directory.
    return [sys.executable, "-P", "-m", "rlctl", *arguments]


def environment(threads: int) -> dict[str, str]:
    """Return the child's environment: the same rlctl on the path, and `threads` threads."""
    here = str(Path(rlctl.__file__).parents[1])
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), here]))
    return {**os.environ, **dict.fromkeys(_THREADS, str(threads)), "PYTHONPATH": path}
