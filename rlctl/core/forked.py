"""Detection of forked processes.

A fork copies a process without its threads. Code that waits for threads of JAX or MuJoCo hangs in
the copy, so everything that computes calls `check` first.
"""

import os
import sys

from rlctl.core.errors import UsageError

_owner: int | None = None  # process id of the first caller
_SPAWN = 'start processes by multiprocessing.get_context("spawn")'


def check(what: str, instead: str = _SPAWN) -> None:
    """Refuse to compute in a process forked from one that called this with jax loaded.

    Args:
        what: What would compute, for the message.
        instead: What to do instead, for the message.

    Raises:
        UsageError: This process was forked from such a process.
    """
    global _owner
    here = os.getpid()
    if _owner is None or "jax" not in sys.modules:
        _owner = here
    elif _owner != here:
        raise UsageError(f"{what} cannot run in a forked process, where it would hang: {instead}")
