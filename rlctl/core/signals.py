"""Stop on signals: the first requests a stop with a save, the second stops immediately."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

from rlctl.core.errors import StoppedUnsaved

SIGNALS = (signal.SIGINT, signal.SIGTERM)
TERMINATION_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)
SECOND_SIGNAL_TIMEOUT = 1.0  # seconds for the main thread to handle the second signal; tried twice


def signal_name(signum: int) -> str:
    """Return the usual name of a signal."""
    if signum == signal.SIGINT:
        return "Ctrl-C"
    try:
        return signal.Signals(signum).name
    except ValueError:
        return f"signal {signum}"


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM and SIGHUP in the `with` body, so that it can clean up.

    The exception's text is the signal's name. Signals that are already ignored (as by `nohup`) or
    handled are left alone. Does nothing outside the main thread.
    """
    changed = []
    if threading.current_thread() is threading.main_thread():
        changed = [each for each in TERMINATION_SIGNALS if signal.getsignal(each) == signal.SIG_DFL]
    for signum in changed:
        signal.signal(signum, _interrupt)
    try:
        yield
    finally:
        for signum in changed:
            signal.signal(signum, signal.SIG_DFL)


def _interrupt(signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(signal_name(signum))


class StopFlag:
    """Context in which Ctrl-C and SIGTERM set a flag, to be polled between steps.

    The second signal raises StoppedUnsaved in the main thread. If the main thread is inside
    compiled code and cannot handle it, the process exits. Python runs signal handlers only between
    bytecode instructions of the main thread, so a listener thread on the wakeup descriptor gives
    immediate feedback. Outside the main thread signals cannot be caught, and nothing is changed.

    Args:
        notify: Called in the listener thread with a line that says what the signal does.
        exits: Whether the process exits if the second signal is not handled.

    Attributes:
        signum: The signal that requested the stop, None before.
    """

    def __init__(
        self, notify: Callable[[str], None] = lambda line: None, exits: bool = True
    ) -> None:
        self.signum: int | None = None
        self._exits = exits
        self._notify = notify
        self._before: dict[int, Any] = {}
        self._count = 0
        self._second_handled = threading.Event()

    def __call__(self) -> int | None:
        """Return the signal that requested the stop, None before."""
        return self.signum

    def request(self, signum: int) -> None:
        """Request a stop like the signal would, without a message."""
        if self.signum is None:
            self.signum = signum

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            # Python writes every signal's number to the wakeup descriptor, even during C code.
            self._receiver, self._sender = socket.socketpair()
            self._sender.setblocking(False)
            self._wakeup = signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
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
        self._second_handled.set()
        self._sender.close()  # ends the listener's recv
        self._listener.join()
        self._receiver.close()

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        """Handle a signal in the main thread, once it is back in Python."""
        self.request(signum)
        self._count += 1
        if self._count > 1:
            self._second_handled.set()
            raise StoppedUnsaved(
                f"stopped immediately by a second signal, {signal_name(signum)}",
                "earlier checkpoints are kept; `rlctl train --resume RUN` resumes the last one",
            )

    def _listen(self) -> None:
        """Receive every signal when it arrives, in the listener thread."""
        count = 0
        while received := self._receiver.recv(1):
            if received[0] not in SIGNALS:
                continue
            self.request(received[0])
            count += 1
            name = signal_name(received[0])
            if count == 1:
                self._notify(f"{name}: stopping and saving; send it again to stop immediately")
            elif self._second_handled.wait(SECOND_SIGNAL_TIMEOUT):
                continue
            elif count == 2:  # two signals close together reach Python's handler as one
                _wake_main_thread(received[0])
            elif self._exits:
                self._notify(f"{name}: stopped immediately")
                os._exit(StoppedUnsaved.exit_code)


def _wake_main_thread(signum: int) -> None:
    """Send the signal to the main thread, to interrupt a system call it waits in."""
    if hasattr(signal, "pthread_kill"):
        main = threading.main_thread().ident
        assert main is not None  # it has started
        signal.pthread_kill(main, signum)
    else:  # Windows
        signal.raise_signal(signum)
