"""Detection of processes that multiprocessing is still spawning.

The `spawn` start method runs the main script again in the new process, up to an
`if __name__ == "__main__":`. A script without that line would start rlctl recursively.
"""

import multiprocessing

SPAWN_EXIT_CODE = 66  # exit status of such a process


def exit_if_spawning() -> None:
    """Exit silently if this process is still being spawned; the parent reports the error.

    Raises:
        SystemExit: With the status `SPAWN_EXIT_CODE`.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(SPAWN_EXIT_CODE)
