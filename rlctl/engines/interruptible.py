"""Work in a thread of its own, so that a signal is heeded however long the work takes.

A compilation, an unroll or an update is one long call into a library, which nothing can stop. So
the main thread only waits for it; once a stop is asked for, it leaves the work to itself and turns
to what matters: saving what there was before.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from typing import Any

HEED = 0.1  # seconds between two looks at the stop flag


class Interrupted(Exception):
    """A stop was asked for, and the work was left to itself.

    Args:
        signum: The signal that asked.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


class InterruptibleThread:
    """One thread that does one thing at a time. Its process may end while it works.

    Args:
        stop: The signal that asked to stop, None while none did.
    """

    def __init__(self, stop: Callable[[], int | None]) -> None:
        self._stop = stop
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True, name="worker")
        self._thread.start()
        self._left = False

    def do(self, task: Callable[..., Any], *args: Any) -> Any:
        """The task's result, or what it raised.

        Raises:
            Interrupted: A stop was asked for before the task was done. It goes on by itself:
                nothing that it changes may be looked at any more.
        """
        if (signum := self._stop()) is not None:
            raise Interrupted(signum)
        future = self._begin(task, *args)
        self._left = True  # if anything takes the caller away from here
        while not wait([future], timeout=HEED).done:
            if (signum := self._stop()) is not None:
                raise Interrupted(signum)
        self._left = False
        return future.result()

    def close(self, last: Callable[[], None]) -> None:
        """Do one last thing once nothing else is under way, and wait for it unless work was left.

        Args:
            last: Frees what the tasks used.
        """
        future = self._begin(last)
        self._tasks.put(None)
        if not self._left:
            future.result()
            self._thread.join()

    def _begin(self, task: Callable[..., Any], *args: Any) -> Future:
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
            del run  # and with it what the task held
