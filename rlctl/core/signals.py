"""Stopping on request: the first signal asks, the second insists."""

import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Self

from rlctl.core.errors import StoppedUnsaved

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopFlag:
    """While entered, Ctrl-C and SIGTERM set a flag that the work looks at between its steps.

    The second signal raises StoppedUnsaved at once, a third ends the process. Outside the main
    thread signals cannot be caught, and nothing is changed.

    Args:
        tell: Called once, with the name of the first signal.

    Attributes:
        signum: The signal that asked to stop, None while none did.
    """

    def __init__(self, tell: Callable[[str], None] = lambda name: None) -> None:
        self.signum: int | None = None
        self._tell = tell
        self._before: dict[int, Any] = {}

    def __call__(self) -> int | None:
        """The signal that asked to stop, None while none did."""
        return self.signum

    def request(self, signum: int) -> None:
        """Ask to stop as the signal would, without telling."""
        if self.signum is None:
            self.signum = signum

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {signum: signal.signal(signum, self._handle) for signum in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
        self._before = {}

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        name = signal.Signals(signum).name
        if self.signum is None:
            self.signum = signum
            with suppress(RuntimeError):  # the signal came in the middle of a print
                self._tell(name)
            return
        signal.signal(signum, signal.SIG_DFL)
        raise StoppedUnsaved(
            f"stopped at once by a second signal, {name}",
            "what was saved before is kept; `rlctl train --resume RUN` goes on from there",
        )
