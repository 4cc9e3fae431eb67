"""Stopping on request: the first signal asks, the second insists."""

import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

from rlctl.core.errors import StoppedUnsaved

SIGNALS = (signal.SIGINT, signal.SIGTERM)
PATIENCE = 1.0  # seconds in which the main thread should hear a second signal, given two chances


class StopFlag:
    """While entered, Ctrl-C and SIGTERM set a flag that the work looks at between its steps.

    The second signal raises StoppedUnsaved in the main thread; if that is deep in a compiler and
    does not hear it, the process ends all the same. Python's own handlers run only between two
    instructions of the main thread, so a small thread listens too and answers at once. Outside the
    main thread signals cannot be caught, and nothing is changed.

    Args:
        tell: Called, from the small thread, with a line on what a signal does.

    Attributes:
        signum: The signal that asked to stop, None while none did.
    """

    def __init__(self, tell: Callable[[str], None] = lambda line: None) -> None:
        self.signum: int | None = None
        self._tell = tell
        self._before: dict[int, Any] = {}
        self._count = 0
        self._insisted = threading.Event()

    def __call__(self) -> int | None:
        """The signal that asked to stop, None while none did."""
        return self.signum

    def request(self, signum: int) -> None:
        """Ask to stop as the signal would, without telling."""
        if self.signum is None:
            self.signum = signum

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._ear, self._mouth = socket.socketpair()
            self._mouth.setblocking(False)
            self._wakeup = signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
            self._before = {signum: signal.signal(signum, self._handle) for signum in SIGNALS}
            self._listener = threading.Thread(target=self._listen, daemon=True)
            self._listener.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._before:
            return
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._before = {}
        self._insisted.set()
        self._mouth.close()
        self._listener.join()
        self._ear.close()

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        """Hear a signal in the main thread, when that is back in Python."""
        self.request(signum)
        self._count += 1
        if self._count > 1:
            self._insisted.set()
            raise StoppedUnsaved(
                f"stopped at once by a second signal, {name_of(signum)}",
                "what was saved before is kept; `rlctl train --resume RUN` goes on from there",
            )

    def _listen(self) -> None:
        """Hear every signal when it comes."""
        count = 0
        while heard := self._ear.recv(1):
            if heard[0] not in SIGNALS:
                continue
            self.request(heard[0])
            count += 1
            name = name_of(heard[0])
            if count == 1:
                self._tell(f"{name}: stopping, all there is will be saved; once more stops at once")
            elif self._insisted.wait(PATIENCE):
                continue
            elif count == 2:  # two that came close together reach Python's handler as one
                _wake_main_thread(heard[0])
            else:
                self._tell(f"{name}: stopped at once")
                os._exit(StoppedUnsaved.exit_code)


def name_of(signum: int) -> str:
    """What people call a signal."""
    return "Ctrl-C" if signum == signal.SIGINT else signal.Signals(signum).name


def _wake_main_thread(signum: int) -> None:
    """Send the signal where it also ends a system call that the main thread waits in."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident, signum)
    else:  # Windows
        signal.raise_signal(signum)
