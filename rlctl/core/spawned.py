"""Telling a process at work from one that is only being started.

multiprocessing's way to start a process without a fork (`spawn`) runs the main script again in the
new process, up to an `if __name__ == "__main__":`. A script without that line starts rlctl again.
"""

import multiprocessing

STARTED_AGAIN = 66  # the exit status of such a process


def leave_if_starting() -> None:
    """End this process without a word if it is only being started: its parent tells.

    Raises:
        SystemExit: With the status `STARTED_AGAIN`.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(STARTED_AGAIN)
