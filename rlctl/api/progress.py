"""Progress of library calls: a progress bar, Python warnings, metrics for a callback."""

import sys
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from rlctl.core.errors import RlctlWarning
from rlctl.core.files import plain
from rlctl.core.progress import Event

Row = dict[str, Any]
_KINDS = {"progress": "train", "eval": "eval"}  # event -> kind of its metrics row
_QUICK = ("rollout", "update")  # phases of every update


def warn(message: str) -> None:
    """Issue a Python warning, attributed to the line that called rlctl."""
    frame, level = sys._getframe(), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == "rlctl":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, RlctlWarning, stacklevel=level)


class Bar:
    """Progress bar on terminals and in notebooks: phase, steps, time left and return.

    Args:
        enabled: Whether to show it.
    """

    def __init__(self, enabled: bool) -> None:
        self._bar: Any = None
        self._phase = self._unit = ""
        if enabled:
            from tqdm.auto import tqdm

            # `disable=None`: off unless the output is a terminal or a notebook
            options = {"dynamic_ncols": True, "unit": "step", "unit_scale": True}
            bar = tqdm(bar_format="{desc} {elapsed}", disable=None, leave=False, **options)
            self._bar = None if bar.disable else bar

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def stopping(self, line: str) -> None:
        """Show that a signal was received; `line` is too long for the bar."""
        self._describe("stopping")

    def _describe(self, phase: str) -> None:
        if self._bar is not None and phase != self._phase:
            self._phase = phase
            self._bar.set_description_str(f"{phase:<7}")

    def on_event(self, event: Event) -> None:
        """Show an event; issue a warning as a Python warning."""
        if event["event"] == "warning":
            if self._bar is not None:
                self._bar.clear()
            warn(event["message"])
        elif event["event"] == "phase":
            self._describe("train" if event["name"] in _QUICK else event["name"])
        elif event["event"] in ("start", "progress") and event.get("total"):
            self._count(event)

    def _count(self, event: Event) -> None:
        """Update the count of steps."""
        bar = self._bar
        if bar is None:
            return
        steps, total, unit = event.get("steps", 0), event["total"], event.get("unit", "steps")
        if (bar.total, self._unit) != (total, unit):
            started = bar.start_t
            bar.bar_format, bar.leave = None, True
            self._unit, bar.unit = unit, f" {unit}"
            bar.reset(total)
            bar.start_t, bar.initial, bar.n = started, steps, steps
        if event.get("return") is not None:
            bar.set_postfix_str(f"return={event['return']:.4g}", refresh=False)
        bar.update(min(steps, total) - bar.n)


def metrics_listener(callback: Callable[[Row], Any]) -> Callable[[Event], None]:
    """Return a listener that passes every metrics row to a callback.

    Args:
        callback: Called with a row as in metrics.jsonl; its `kind` is `train` or `eval`.
    """

    def on_event(event: Event) -> None:
        if kind := _KINDS.get(event["event"]):
            callback({"kind": kind, **plain({k: v for k, v in event.items() if k != "event"})})

    return on_event
