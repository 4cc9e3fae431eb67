"""Telling a process that was forked from one that computes.

Threads do not survive a fork, so that what waits for theirs in the new process waits for ever. What
is to compute asks here first.
"""

import os
import sys

from rlctl.core.errors import UsageError

_began: int | None = None  # the process that asked first
_SPAWN = 'start processes by multiprocessing.get_context("spawn")'


def check(what: str, instead: str = _SPAWN) -> None:
    """Refuse to compute in a process forked from one that may have computed with jax.

    Args:
        what: What would compute.
        instead: What to do.

    Raises:
        UsageError: This is such a process.
    """
    global _began
    here = os.getpid()
    if _began is None or "jax" not in sys.modules:
        _began = here
    elif _began != here:
        raise UsageError(
            f"{what} cannot run in a forked process, where it would wait for threads for ever: "
            f"{instead}"
        )
