"""Processes that open one run at the same time: `python starts.py FOLDER COUNT HOW LOCKS`.

HOW is `open` or `create`, LOCKS `system` or `file`. Prints the exit code of every process, 0 for
the one that has the run; it keeps the run until all have tried.
"""

import os
import sys
from pathlib import Path

from rlctl.core import lock
from rlctl.core.errors import RlctlError
from rlctl.core.runs import Run


def codes(folder: Path, count: int, how: str, locks: str) -> list[int]:
    """Return the exit codes of `count` processes started at the same time."""
    lock.fcntl = lock.fcntl if locks == "system" else None
    go, gone, results = os.pipe(), os.pipe(), os.pipe()
    children = []
    for _ in range(count):
        if not (child := os.fork()):
            os.close(go[1])
            os.close(gone[1])
            os._exit(_start(folder, how, go[0], gone[0], results[1]))
        children.append(child)
    os.close(go[1])  # all of them start
    found = b""
    while len(found) < count:
        found += os.read(results[0], count)
    os.close(gone[1])
    for child in children:
        os.waitpid(child, 0)
    for descriptor in (go[0], gone[0], *results):
        os.close(descriptor)
    return sorted(found)


def _start(folder: Path, how: str, go: int, gone: int, results: int) -> int:
    os.read(go, 1)
    try:
        run = Run.open(folder) if how == "open" else Run.create("x", "ppo", 0, folder)
    except RlctlError as error:
        os.write(results, bytes([error.exit_code]))
        return 0
    run.write_config({"pid": os.getpid()})
    os.write(results, bytes([0]))
    os.read(gone, 1)
    written = run.read_config()["pid"]
    run.close()
    return written != os.getpid()


if __name__ == "__main__":
    print(*codes(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]))
