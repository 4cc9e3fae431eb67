"""How fast work goes, and when it will be done: told calmly."""

import math
from collections import deque

WINDOW = 60.0  # seconds of which the pace is taken
APART = 0.2  # seconds between two counts that are kept
EARLY = 2.0  # seconds of work before anything is told
CALM = 10.0  # seconds in which a change of the end is followed


class Pace:
    """Seconds of a step, over the last minute. What is before the first count is left out.

    Attributes:
        cost: Seconds a step takes.
        known: Whether enough was seen to tell.
    """

    def __init__(self) -> None:
        self.cost, self.known = 0.0, False
        self._seen: deque[tuple[int, float]] = deque()

    def see(self, steps: int, seconds: float) -> None:
        """Take in how many steps were done after so many seconds of work."""
        if len(self._seen) > 1 and seconds - self._seen[-2][1] < APART:
            self._seen.pop()
        self._seen.append((steps, seconds))
        while len(self._seen) > 2 and seconds - self._seen[1][1] > WINDOW:
            self._seen.popleft()
        (first, since), done = self._seen[0], steps - self._seen[0][0]
        self.known = self.known or (seconds - since >= EARLY and done > 0)
        if first < steps and seconds > since:
            self.cost = (seconds - since) / done


class End:
    """A time to come that is foreseen again and again; what is told follows it smoothly."""

    def __init__(self) -> None:
        self._first = self._last = 0.0
        self._end: float | None = None

    def follow(self, now: float, ahead: float) -> None:
        """Foresee the end so many seconds ahead."""
        foreseen = now + ahead
        if self._end is None:
            self._first, self._end = now, foreseen
        else:
            calm = min(CALM, 0.5 * (now - self._first) + 0.1)
            self._end += (foreseen - self._end) * -math.expm1((self._last - now) / calm)
        self._last = now

    def left(self, now: float) -> float | None:
        """Seconds until then, None before anything was foreseen."""
        return None if self._end is None else max(self._end - now, 0.0)
