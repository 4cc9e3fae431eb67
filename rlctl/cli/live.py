"""Progress while it happens: a live line on a terminal, lines in a pipe, JSON for programs.

Each class is a listener of `rlctl.core.progress` events. A small thread keeps each of them from
falling silent while a compile or a long update blocks the main one.
"""

import math
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from shutil import get_terminal_size
from typing import Any

from rlctl.core.files import to_json

Event = dict[str, Any]
QUICK = {"rollout", "update", "eval", "save"}  # phases that come again and again
TOLD = ("eval", "run", "film", "note")  # events that nobody should miss


class Listener(ABC):
    """Keeps what is going on, and is called back every `interval` seconds.

    Args:
        interval: Seconds between two calls of `tick`.
    """

    def __init__(self, interval: float) -> None:
        self._lock = threading.RLock()
        self._phase = ""
        self._phase_since = time.monotonic()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(interval,), daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Hear an event."""
        with self._lock:
            if event["event"] == "phase":
                self._phase, self._phase_since = event["name"], time.monotonic()
            self.hear(event)

    def close(self) -> None:
        """Stop the thread and leave the terminal clean."""
        self._closed.set()
        self._thread.join()

    @abstractmethod
    def hear(self, event: Event) -> None:
        """Show an event."""

    @abstractmethod
    def tick(self, seconds: float) -> None:
        """Show that the phase has been going on for `seconds`."""

    def _run(self, interval: float) -> None:
        while not self._closed.wait(interval):
            with self._lock:
                if self._phase:
                    self.tick(time.monotonic() - self._phase_since)


class LiveLine(Listener):
    """One line on a terminal, redrawn in place: phase, steps, rate, time left, return."""

    FORMAT = "{desc} {percentage:3.0f}% {bar:16} {n_fmt}/{total_fmt} steps{postfix}"
    NO_TOTAL = "{desc}"

    def __init__(self) -> None:
        from tqdm import tqdm

        self._bar = tqdm(
            total=1, bar_format=self.NO_TOTAL, file=sys.stderr, leave=False, unit_scale=True
        )
        self._figures = ""
        super().__init__(interval=0.5)

    def hear(self, event: Event) -> None:
        """Redraw with what the event says."""
        if event["event"] in ("start", *TOLD):
            self.write(describe(event))
        if event["event"] in ("start", "progress") and event.get("total"):
            self._bar.bar_format = self.FORMAT
            self._bar.total = event["total"]
            self._bar.n = min(event.get("steps", 0), event["total"])
            self._figures = figures(event)
        self.tick(time.monotonic() - self._phase_since)

    def tick(self, seconds: float) -> None:
        """Redraw; a phase that takes long shows its clock."""
        clock = f" {duration(seconds)}" if seconds >= 1 else ""
        self._bar.set_description_str(f"{self._phase + clock:<12}", refresh=False)
        self._bar.set_postfix_str(self._figures, refresh=False)
        self._bar.ncols = get_terminal_size().columns
        self._bar.refresh()

    def write(self, line: str) -> None:
        """Print a line above the live one."""
        with self._lock:
            self._bar.write(line, file=sys.stderr)

    def close(self) -> None:
        """Take the line away."""
        super().close()
        self._bar.close()


class Lines(Listener):
    """Plain lines: evaluations always, the rest at most every few seconds.

    Args:
        say: Prints a line.
        every: Seconds between two lines of a kind.
    """

    def __init__(self, say: Callable[[str], None], every: float = 5.0) -> None:
        self._say = say
        self._every = every
        self._said: dict[str, float] = {}
        super().__init__(interval=every)

    def hear(self, event: Event) -> None:
        """Print the event, unless one of its kind was printed just now."""
        kind = event["event"]
        if kind == "phase" and event["name"] in QUICK:
            return
        if kind not in TOLD and not self._due(kind + event.get("name", "")):
            return
        if line := describe(event):
            self._say(line)

    def tick(self, seconds: float) -> None:
        """Say what takes so long, if nothing else was said."""
        if self._due("tick") and seconds >= self._every:
            self._say(f"{self._phase}: {duration(seconds)} so far")

    def _due(self, key: str) -> bool:
        now = time.monotonic()
        if now - self._said.get(key, -self._every) < self._every:
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

    def hear(self, event: Event) -> None:
        """Print the event; of the quick phases one a second."""
        now = time.monotonic()
        name = event.get("name", "")
        if event["event"] == "phase" and name in QUICK:
            if now - self._told.get(name, 0.0) < 1.0:
                return
            self._told[name] = now
        self._print(event)

    def tick(self, seconds: float) -> None:
        """Print a sign of life."""
        if time.monotonic() - self._last >= 1.0:
            self._print({"event": "alive", "phase": self._phase, "seconds": round(seconds, 1)})

    def _print(self, event: Event) -> None:
        self._last = time.monotonic()
        self._say(to_json(event))


def describe(event: Event) -> str:
    """An event as a line, empty for those that only programs need."""
    kind = event["event"]
    if kind == "phase":
        return event["name"]
    if kind == "start":
        return f"training {event['env']} with {event['algo']} in {event['run']}"
    if kind == "progress":
        total = f" of {event['total']:,}" if event.get("total") else ""
        return f"{event.get('steps', 0):,}{total} steps  {figures(event)}".rstrip()
    if kind == "eval":
        score = event.get("return") or {}
        spread = f" +- {number(score['std'])}" if number(score.get("std")) != "-" else ""
        mean = number(score.get("mean"))
        return f"evaluation at {event.get('steps', 0):,} steps: return {mean}{spread}"
    if kind == "checkpoint":
        return f"saved {event.get('path')}"
    if kind == "film":
        return f"filmed {event['path']}"
    if kind == "note":
        return event["message"]
    if kind == "run":
        count = f"{event['ended']} of {event['count']}"
        came = event["error"] or f"return {number(event['score'])}"
        took = f"{event['steps']:,} steps, {duration(event['seconds'])}"
        return f"{count}: {event['name']}: {came} ({took})"
    return ""


def figures(event: Event) -> str:
    """Rate, time left and return of a progress event, those it has."""
    parts = []
    rate = event.get("steps_per_second")
    if rate:
        parts.append(f"{rate:,.0f} steps/s")
        if event.get("total"):
            left = max(event["total"] - event.get("steps", 0), 0) / rate
            parts.append(f"ETA {duration(left)}")
    if event.get("return") is not None:
        parts.append(f"return {number(event['return'])}")
    return "  ".join(parts)


def number(value: Any) -> str:
    """A figure in four digits or so, `-` where there is none."""
    if not isinstance(value, (int, float)):
        value = value.item() if hasattr(value, "item") else None
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Seconds as 0:12 or 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
