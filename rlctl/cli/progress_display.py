"""Progress displays: redrawn in place on a terminal, lines in a pipe, JSON for programs.

Each class is a listener of `rlctl.core.progress` events. A thread updates the display while a
compilation or a long update blocks the main thread.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import IO, Any

from rlctl.cli.console import colorizer, escape_controls
from rlctl.cli.formatting import duration, number, percent, supports_unicode
from rlctl.cli.status import Event, Status
from rlctl.cli.status_block import WIDE, StatusRenderer
from rlctl.cli.terminal import Screen
from rlctl.core.files import to_json

REPEATED = {"rollout", "update", "eval", "save"}  # phases of every update
ANNOUNCED = {"compile", "plot", "film"}  # phases that are printed when they begin
ALWAYS_PRINTED = ("start", "run", "film", "note")  # as evaluations are
REDRAW_SECONDS = 0.25  # between two redraws
LINES_PER_RUN = 20  # limits the lines of long work in a pipe


class Display(ABC):
    """Base of the displays: keeps the status and calls `tick` every `interval` seconds.

    Args:
        interval: Seconds between two calls of `tick`.
    """

    def __init__(self, interval: float) -> None:
        self._lock = threading.RLock()
        self._status = Status()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(interval,), daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Update the status with an event and show it."""
        with self._lock:
            self._status.on_event(event)
            self.on_event(event)

    def close(self) -> None:
        """Stop the thread and clear the display."""
        self._closed.set()
        self._thread.join()

    @abstractmethod
    def on_event(self, event: Event) -> None:
        """Show an event."""

    @abstractmethod
    def tick(self) -> None:
        """Show that the phase is still running."""

    def _run(self, interval: float) -> None:
        while not self._closed.wait(interval):
            with self._lock:
                if self._status.phase:
                    self.tick()


class LiveDisplay(Display):
    """Lines redrawn in place on a terminal; without a block, evaluations scroll.

    Args:
        stream: The terminal.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._screen, self._drawn = Screen(stream), 0.0
        self._renderer = StatusRenderer(colorizer(stream), supports_unicode(stream))
        super().__init__(interval=2 * REDRAW_SECONDS)

    def on_event(self, event: Event) -> None:
        """Print permanent lines, and redraw at most every 0.25 s."""
        wide = self._screen.columns >= WIDE
        if event["event"] == "eval" and not wide:
            for line in self._renderer.format_evaluation(self._status):
                self.write(line)
        elif event["event"] in ALWAYS_PRINTED and not (wide and event["event"] == "start"):
            self.write(event_text(event))
        if time.monotonic() - self._drawn >= REDRAW_SECONDS:
            self.tick()

    def tick(self) -> None:
        """Redraw the status."""
        self._drawn = time.monotonic()
        self._screen.draw(self._renderer.render(self._status, self._screen.columns))

    def write(self, line: str) -> None:
        """Print a line above the status."""
        with self._lock:
            self._screen.write(escape_controls(line))

    def close(self) -> None:
        """Stop and clear the status."""
        super().close()
        self._screen.clear()


class LineDisplay(Display):
    """Plain lines: every evaluation, and progress every few seconds, less often in long work.

    Work other than training prints a line per quarter done.

    Args:
        print_line: Prints a line.
        every: Initial seconds between two lines.
    """

    def __init__(self, print_line: Callable[[str], None], every: float = 5.0) -> None:
        self._print_line, self._every = print_line, every
        self._printed_at: dict[str, float] = {}
        self._renderer, self._quarter = StatusRenderer(unicode=False), 0
        super().__init__(interval=every)

    def on_event(self, event: Event) -> None:
        """Print an event, unless one of its kind was printed shortly before."""
        kind = event["event"]
        if kind == "eval":
            for line in self._renderer.format_evaluation(self._status):
                self._print_line(line)
        elif kind in ALWAYS_PRINTED:
            self._print_line(event_text(event))
        elif kind == "phase":
            self._quarter = 0
            if event["name"] in ANNOUNCED and self._interval_over(event["name"]):
                self._print_line(event["name"])
        elif kind == "progress" and self._progress_due():
            self._print_line(progress_text(self._status))
        elif kind == "checkpoint" and self._interval_over(kind):
            self._print_line(event_text(event))

    def tick(self) -> None:
        """Print the running phase after a silence, each time twice as long."""
        status = self._status
        silent = time.monotonic() - max(self._printed_at.values(), default=0.0)
        counting = status.metrics and not status.start
        if not counting and silent >= max(self._every, 0.5 * status.phase_seconds):
            self._printed_at["tick"] = time.monotonic()
            self._print_line(f"{status.phase}: {duration(status.phase_seconds)} so far")

    def _progress_due(self) -> bool:
        """Return whether to print progress: after an interval, or another quarter done."""
        if self._status.start or not self._status.total:
            return self._interval_over("progress")
        quarter = int(4 * self._status.fraction)
        further, self._quarter = quarter > self._quarter, quarter
        return further and quarter < 4 and self._interval_over("progress")

    def _interval_over(self, key: str) -> bool:
        now, every = time.monotonic(), max(self._every, self._status.elapsed / LINES_PER_RUN)
        if now - self._printed_at.get(key, -every) < every:
            return False
        self._printed_at[key] = now
        return True


class JsonDisplay(Display):
    """JSON lines, one per event, and an `alive` event per second without one.

    Args:
        print_line: Prints a line.
    """

    def __init__(self, print_line: Callable[[str], None]) -> None:
        self._print_line = print_line
        self._last = time.monotonic()
        self._printed_at: dict[str, float] = {}
        super().__init__(interval=1.0)

    def on_event(self, event: Event) -> None:
        """Print an event; the phases of every update at most once a second."""
        now = time.monotonic()
        name = event.get("name", "")
        if event["event"] == "phase" and name in REPEATED:
            if now - self._printed_at.get(name, 0.0) < 1.0:
                return
            self._printed_at[name] = now
        self._print(event)

    def tick(self) -> None:
        """Print an `alive` event if nothing was printed for a second."""
        if time.monotonic() - self._last >= 1.0:
            seconds = round(self._status.phase_seconds, 1)
            self._print({"event": "alive", "phase": self._status.phase, "seconds": seconds})

    def _print(self, event: Event) -> None:
        self._last = time.monotonic()
        self._print_line(to_json(event))


def event_text(event: dict[str, Any]) -> str:
    """Return an event as a line of text."""
    kind = event["event"]
    if kind == "start":
        return f"training {event['env']} with {event['algo']} in {event['run']}"
    if kind == "checkpoint":
        return f"saved {event.get('path')}"
    if kind == "film":
        return f"rendered {event['path']}"
    if kind == "note":
        return event["message"]
    count = f"{event['ended']} of {event['count']}"
    result = event["error"] or f"return {number(event['score'])}"
    cost = f"{event['steps']:,} steps, {duration(event['seconds'])}"
    return f"{count}: {event['name']}: {result} ({cost})"


def progress_text(status: Status) -> str:
    """Return the progress as a line of text."""
    rate, left, row = status.rate, status.remaining, status.metrics
    of = f" of {status.total:,}" if status.total else ""
    parts = [
        f"{status.phase}: {percent(status.fraction)}" if status.total and not status.start else "",
        f"{status.steps:,}{of} {status.unit}",
        f"{rate:,.0f} steps/s" if rate else "",
        f"ETA {duration(left)}" if left is not None else "",
        f"return {number(row['return'])}" if "return" in row else "",
    ]
    return "  ".join(part for part in parts if part)
