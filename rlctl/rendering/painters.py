"""Draw the frames of a film in several threads, and pass them on in their order."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from typing import Self, TypeVar

import numpy as np

Tool = TypeVar("Tool", bound=AbstractContextManager)
Paint = Callable[[Tool, int], np.ndarray]
_MOST = 4
_AHEAD = 2  # frames that each may be ahead of who takes them


def count() -> int:
    """How many threads can draw beside each other here."""
    return max(
        1, min(_MOST, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
    )


class _Painter:
    """A thread with a tool of its own, opened and closed there, as OpenGL contexts must be."""

    def __init__(self, tool: Callable[[], Tool]) -> None:
        self._thread = ThreadPoolExecutor(1, "painter")
        self._open, self._tool = tool, None

    def submit(self, paint: Paint, index: int) -> Future:
        return self._thread.submit(lambda: paint(self._tool, index))

    def __enter__(self) -> Self:
        try:
            self._tool = self._thread.submit(lambda: self._open().__enter__()).result()
        except BaseException:
            self._thread.shutdown()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.submit(lambda: self._tool.__exit__(None, None, None))
        self._thread.shutdown()


def painted(
    indices: Sequence[int], paint: Paint, tool: Callable[[], Tool], threads: int
) -> Iterator[np.ndarray]:
    """The pictures `paint(tool, index)` of the indices, in their order.

    Args:
        indices: What to paint.
        paint: Called with a tool and an index.
        tool: Opens what is painted with, once for a thread.
        threads: How many; 0 for the thread of the caller.
    """
    if not threads:
        with tool() as only:
            yield from (paint(only, index) for index in indices)
        return
    with ExitStack() as stack:
        painters = [stack.enter_context(_Painter(tool)) for _ in range(min(threads, len(indices)))]
        waiting: deque[Future] = deque()
        stack.callback(lambda: [frame.cancel() for frame in waiting])
        for number, index in enumerate(indices):
            waiting.append(painters[number % len(painters)].submit(paint, index))
            if len(waiting) > _AHEAD * len(painters):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
