"""A thread for long tasks, so that the main thread can react to a signal while one runs.

A compilation, an unroll or an update is one long call into a library, and nothing can interrupt it.
So the main thread only waits for the task. When a stop is requested, it abandons the task and saves
the state from before it.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from typing import Any

STOP_POLL_SECONDS = 0.1  # between two checks of the stop flag


class Interrupted(Exception):
    """Raised when a stop signal arrives while a task is running; the task is abandoned.

    Args:
        signum: The signal that requested the stop.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


class InterruptibleThread:
    """A daemon thread that runs one task at a time. The process may end while a task runs.

    Args:
        stop: Returns the signal that requested a stop, None without one.
    """

    def __init__(self, stop: Callable[[], int | None]) -> None:
        self._stop = stop
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # Daemon: an abandoned task must not keep the process alive.
        self._thread = threading.Thread(target=self._work, daemon=True, name="worker")
        self._thread.start()
        self._abandoned = False

    def run(self, task: Callable[..., Any], *args: Any) -> Any:
        """Return the task's result, or raise its exception.

        Raises:
            Interrupted: A stop was requested before the task was done. The task keeps running, so
                nothing that it changes may be read any more.
        """
        if (signum := self._stop()) is not None:
            raise Interrupted(signum)
        future = self._submit(task, *args)
        # True while waiting: any exception here, even from a signal handler, abandons the task.
        self._abandoned = True
        while not wait([future], timeout=STOP_POLL_SECONDS).done:
            if (signum := self._stop()) is not None:
                raise Interrupted(signum)
        self._abandoned = False
        return future.result()

    def close(self, cleanup: Callable[[], None]) -> None:
        """Run `cleanup` after the running task and end the thread.

        Wait for both, unless a task was abandoned.

        Args:
            cleanup: Frees what the tasks used.
        """
        future = self._submit(cleanup)
        self._tasks.put(None)
        if not self._abandoned:
            future.result()
            self._thread.join()

    def _submit(self, task: Callable[..., Any], *args: Any) -> Future:
        future: Future = Future()

        def run() -> None:
            try:
                future.set_result(task(*args))
            except BaseException as error:
                future.set_exception(error)

        self._tasks.put(run)
        return future

    def _work(self) -> None:
        while (run := self._tasks.get()) is not None:
            run()
            del run  # while waiting for the next task, do not keep this one's arguments alive
