"""Progress events and timed phases.

Engines and actions emit events; the command line and the library display them.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Event = dict[str, Any]


class Progress:
    """Emitter of events; measures the seconds spent in each phase.

    Phases are import, build, compile, rollout, update, eval, save, probe, plot and film. Time in a
    nested phase counts for the inner phase only. Counters are reported by `progress` events with
    `steps`, `total`, and `unit` if the unit is not environment steps.

    Args:
        listener: Called with every event, `{"event": kind, ...}`, in the emitting thread. A phase
            change is the event `phase` with its `name`.
    """

    def __init__(self, listener: Callable[[Event], None] | None = None) -> None:
        self._listeners = [listener] if listener else []
        self._stack: list[str] = []
        self._since = time.perf_counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Run the `with` body as phase `name`."""
        self._add_elapsed()
        self._stack.append(name)
        self.event("phase", name=name)
        try:
            yield
        finally:
            self._add_elapsed()
            self._stack.pop()

    @contextmanager
    def subscribed(self, listener: Callable[[Event], None]) -> Iterator[None]:
        """Add a listener for the `with` body, called after the existing ones."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def event(self, kind: str, **fields: Any) -> None:
        """Emit an event to all listeners."""
        # A copy: a listener may add or remove listeners.
        for listener in tuple(self._listeners):
            listener({"event": kind, **fields})

    def _add_elapsed(self) -> None:
        now = time.perf_counter()
        if self._stack:
            self.seconds[self._stack[-1]] += now - self._since
        self._since = now
