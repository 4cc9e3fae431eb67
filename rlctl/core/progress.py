"""What is going on: named phases and events, told to whoever listens.

Engines and actions say it here; only the command line decides how it looks.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Event = dict[str, Any]


class Progress:
    """Phases with their seconds, and events.

    Phases are import, build, compile, rollout, update, eval, save, probe, plot and film. Time
    inside a nested phase counts for the inner one only. What is counted is told by events
    `progress`, with `steps`, `total`, and the `unit` if that is not steps of environments.

    Args:
        listener: Called with every event, `{"event": kind, ...}`, from the calling thread. A phase
            change is the event `phase` with its `name`.
    """

    def __init__(self, listener: Callable[[Event], None] | None = None) -> None:
        self._listeners = [listener] if listener else []
        self._stack: list[str] = []
        self._since = time.perf_counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Do the body as phase `name`."""
        self._turn()
        self._stack.append(name)
        self.event("phase", name=name)
        try:
            yield
        finally:
            self._turn()
            self._stack.pop()

    @contextmanager
    def also(self, listener: Callable[[Event], None]) -> Iterator[None]:
        """Have one more hear the events of the body, after those who listen already."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def event(self, kind: str, **fields: Any) -> None:
        """Tell everyone who listens."""
        for listener in tuple(self._listeners):
            listener({"event": kind, **fields})

    def _turn(self) -> None:
        now = time.perf_counter()
        if self._stack:
            self.seconds[self._stack[-1]] += now - self._since
        self._since = now
