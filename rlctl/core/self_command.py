"""rlctl as a process of its own: the same program, with a share of the threads."""

import os
import sys
from pathlib import Path

import rlctl

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LP_NUM_THREADS")


def command(*arguments: str) -> list[str]:
    """What runs `rlctl` with these arguments, wherever this process is."""
    return [sys.executable, "-P", "-m", "rlctl", *arguments]


def variables(threads: int) -> dict[str, str]:
    """This process's variables, so that the same rlctl is found, and the share of threads."""
    here = str(Path(rlctl.__file__).parents[1])
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), here]))
    return {**os.environ, **dict.fromkeys(_THREADS, str(threads)), "PYTHONPATH": path}
