"""Estimated time of arrival: seconds per step over the last minute, and a smoothed end time."""

import math
from collections import deque

WINDOW = 60.0  # seconds over which the step time is measured
MIN_GAP = 0.2  # seconds between two samples that are kept
MIN_WORK = 2.0  # seconds of work before there is an estimate
SMOOTHING = 10.0  # time constant, seconds


class StepTime:
    """Seconds per step over the last minute; time before the first sample is not counted.

    Attributes:
        seconds_per_step: The mean over the window.
        known: Whether there are enough samples for an estimate.
    """

    def __init__(self) -> None:
        self.seconds_per_step, self.known = 0.0, False
        self._samples: deque[tuple[int, float]] = deque()

    def update(self, steps: int, seconds: float) -> None:
        """Add a sample: the steps done after these seconds of work."""
        if len(self._samples) > 1 and seconds - self._samples[-2][1] < MIN_GAP:
            self._samples.pop()
        self._samples.append((steps, seconds))
        while len(self._samples) > 2 and seconds - self._samples[1][1] > WINDOW:
            self._samples.popleft()
        (first, since), done = self._samples[0], steps - self._samples[0][0]
        self.known = self.known or (seconds - since >= MIN_WORK and done > 0)
        if first < steps and seconds > since:
            self.seconds_per_step = (seconds - since) / done


class SmoothEta:
    """End time that follows new estimates with exponential smoothing."""

    def __init__(self) -> None:
        self._first = self._last = 0.0
        self._end: float | None = None

    def update(self, now: float, remaining: float) -> None:
        """Add an estimate: seconds remaining at time `now`."""
        estimate = now + remaining
        if self._end is None:
            self._first, self._end = now, estimate
        else:
            # Early estimates are poor, so the first seconds are smoothed less.
            smoothing = min(SMOOTHING, 0.5 * (now - self._first) + 0.1)
            self._end += (estimate - self._end) * -math.expm1((self._last - now) / smoothing)
        self._last = now

    def remaining(self, now: float) -> float | None:
        """Return the seconds until the end; None before the first estimate."""
        return None if self._end is None else max(self._end - now, 0.0)
