"""Progress while it happens: drawn in place on a terminal, lines in a pipe, JSON for programs.

Each class is a listener of `rlctl.core.progress` events. A small thread keeps each of them from
falling silent while a compile or a long update blocks the main one.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import IO, Any

from rlctl.cli.console import harmless, in_color
from rlctl.cli.formatting import can_draw, duration, number, percent
from rlctl.cli.status import Event, Status
from rlctl.cli.status_block import WIDE, Drawing
from rlctl.cli.terminal import Screen
from rlctl.core.files import to_json

QUICK = {"rollout", "update", "eval", "save"}  # phases that come again and again
LONG = {"compile", "plot", "film"}  # phases that are named when they begin
TOLD = ("start", "run", "film", "note")  # events that nobody should miss, beside evaluations
REDRAW = 0.25  # seconds between two drawings
SLOWER = 20  # lines in a pipe come so much rarer, the longer the work has been going on


class Listener(ABC):
    """Keeps what is going on, and is called back every `interval` seconds.

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
        """Hear an event."""
        with self._lock:
            self._status.on_event(event)
            self.on_event(event)

    def close(self) -> None:
        """Stop the thread and leave the terminal clean."""
        self._closed.set()
        self._thread.join()

    @abstractmethod
    def on_event(self, event: Event) -> None:
        """Show an event."""

    @abstractmethod
    def tick(self) -> None:
        """Show that the phase is still going on."""

    def _run(self, interval: float) -> None:
        while not self._closed.wait(interval):
            with self._lock:
                if self._status.phase:
                    self.tick()


class Live(Listener):
    """A few lines on a terminal, redrawn in place. Evaluations scroll where there is no block.

    Args:
        stream: The terminal.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._screen, self._drawn = Screen(stream), 0.0
        self._drawing = Drawing(in_color(stream), can_draw(stream))
        super().__init__(interval=2 * REDRAW)

    def on_event(self, event: Event) -> None:
        """Print what is to stay, and redraw now and then."""
        wide = self._screen.columns >= WIDE
        if event["event"] == "eval" and not wide:
            for line in self._drawing.newest_evaluation(self._status):
                self.write(line)
        elif event["event"] in TOLD and not (wide and event["event"] == "start"):
            self.write(describe(event))
        if time.monotonic() - self._drawn >= REDRAW:
            self.tick()

    def tick(self) -> None:
        """Redraw."""
        self._drawn = time.monotonic()
        self._screen.draw(self._drawing.lines(self._status, self._screen.columns))

    def write(self, line: str) -> None:
        """Print a line above."""
        with self._lock:
            self._screen.write(harmless(line))

    def close(self) -> None:
        """Take the lines away."""
        super().close()
        self._screen.clear()


class Lines(Listener):
    """Plain lines: evaluations always, the rest every few seconds, and rarer after a while.

    Of work other than a training a line tells every quarter that is done.

    Args:
        say: Prints a line.
        every: Seconds between two lines, at first.
    """

    def __init__(self, say: Callable[[str], None], every: float = 5.0) -> None:
        self._say, self._every = say, every
        self._said: dict[str, float] = {}
        self._drawing, self._quarter = Drawing(unicode=False), 0
        super().__init__(interval=every)

    def on_event(self, event: Event) -> None:
        """Print the event, unless one of its kind was printed just now."""
        kind = event["event"]
        if kind == "eval":
            for line in self._drawing.newest_evaluation(self._status):
                self._say(line)
        elif kind in TOLD:
            self._say(describe(event))
        elif kind == "phase":
            self._quarter = 0
            if event["name"] in LONG and self._due(event["name"]):
                self._say(event["name"])
        elif kind == "progress" and self._far_enough():
            self._say(counted(self._status))
        elif kind == "checkpoint" and self._due(kind):
            self._say(describe(event))

    def tick(self) -> None:
        """Say what takes so long, after twice as long as the last time."""
        status = self._status
        silent = time.monotonic() - max(self._said.values(), default=0.0)
        counting = status.row and not status.start
        if not counting and silent >= max(self._every, 0.5 * status.in_phase):
            self._said["tick"] = time.monotonic()
            self._say(f"{status.phase}: {duration(status.in_phase)} so far")

    def _far_enough(self) -> bool:
        """Whether so much more is done that it is worth a line."""
        if self._status.start or not self._status.total:
            return self._due("progress")
        quarter = int(4 * self._status.share)
        further, self._quarter = quarter > self._quarter, quarter
        return further and quarter < 4 and self._due("progress")

    def _due(self, key: str) -> bool:
        now, every = time.monotonic(), max(self._every, self._status.elapsed / SLOWER)
        if now - self._said.get(key, -every) < every:
            return False
        self._said[key] = now
        return True


class Events(Listener):
    """JSON lines, one per event, and an `alive` event for every silent second.

    Args:
        say: Prints a line.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._last = time.monotonic()
        self._told: dict[str, float] = {}
        super().__init__(interval=1.0)

    def on_event(self, event: Event) -> None:
        """Print the event; of the quick phases one a second."""
        now = time.monotonic()
        name = event.get("name", "")
        if event["event"] == "phase" and name in QUICK:
            if now - self._told.get(name, 0.0) < 1.0:
                return
            self._told[name] = now
        self._print(event)

    def tick(self) -> None:
        """Print a sign of life."""
        if time.monotonic() - self._last >= 1.0:
            seconds = round(self._status.in_phase, 1)
            self._print({"event": "alive", "phase": self._status.phase, "seconds": seconds})

    def _print(self, event: Event) -> None:
        self._last = time.monotonic()
        self._say(to_json(event))


def describe(event: dict[str, Any]) -> str:
    """An event that stands for itself, as a line."""
    kind = event["event"]
    if kind == "start":
        return f"training {event['env']} with {event['algo']} in {event['run']}"
    if kind == "checkpoint":
        return f"saved {event.get('path')}"
    if kind == "film":
        return f"filmed {event['path']}"
    if kind == "note":
        return event["message"]
    count = f"{event['ended']} of {event['count']}"
    came = event["error"] or f"return {number(event['score'])}"
    took = f"{event['steps']:,} steps, {duration(event['seconds'])}"
    return f"{count}: {event['name']}: {came} ({took})"


def counted(status: Status) -> str:
    """How far the work is, as a line of a pipe."""
    rate, left, row = status.rate, status.left, status.row
    of = f" of {status.total:,}" if status.total else ""
    parts = [
        f"{status.phase}: {percent(status.share)}" if status.total and not status.start else "",
        f"{status.steps:,}{of} {status.unit}",
        f"{rate:,.0f} steps/s" if rate else "",
        f"ETA {duration(left)}" if left is not None else "",
        f"return {number(row['return'])}" if "return" in row else "",
    ]
    return "  ".join(part for part in parts if part)
