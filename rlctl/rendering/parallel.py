"""Thread pool that renders the frames of a video in order."""

import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from typing import Generic, Self, TypeVar

import numpy as np

Renderer = TypeVar("Renderer")
Render = Callable[[Renderer, int], np.ndarray]
_MAX_THREADS = 4
_QUEUED = 2  # frames per thread that may wait for the encoder; bounds the memory


def thread_count() -> int:
    """Return how many threads can render in parallel on this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    return max(1, min(_MAX_THREADS, cores))


class _Worker(Generic[Renderer]):
    """One thread with its renderer; an OpenGL context must be opened and closed in its thread."""

    def __init__(self, make_renderer: Callable[[], AbstractContextManager[Renderer]]) -> None:
        self._thread = ThreadPoolExecutor(1, "render")
        self._make_renderer, self._opened = make_renderer, ExitStack()

    def submit(self, render: Render[Renderer], index: int) -> Future[np.ndarray]:
        return self._thread.submit(render, self._renderer, index)

    def __enter__(self) -> Self:
        try:
            self._renderer = self._thread.submit(self._open).result()
        except BaseException:
            self._thread.shutdown()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.submit(self._opened.close)
        self._thread.shutdown()

    def _open(self) -> Renderer:
        return self._opened.enter_context(self._make_renderer())


def map_ordered(
    indices: Sequence[int],
    render: Render[Renderer],
    make_renderer: Callable[[], AbstractContextManager[Renderer]],
    threads: int,
) -> Generator[np.ndarray, None, None]:
    """Yield the images `render(renderer, index)` in the order of `indices`.

    Args:
        indices: Frames to render.
        render: Called with a renderer and an index.
        make_renderer: Opens a renderer, a context manager; called once per thread.
        threads: Number of threads; 0 to render in the caller's thread.
    """
    if not threads:
        with make_renderer() as renderer:
            yield from (render(renderer, index) for index in indices)
        return
    with ExitStack() as stack:
        workers = [
            stack.enter_context(_Worker(make_renderer)) for _ in range(min(threads, len(indices)))
        ]
        waiting: deque[Future[np.ndarray]] = deque()
        stack.callback(lambda: [frame.cancel() for frame in waiting])  # the caller may stop early
        for number, index in enumerate(indices):
            waiting.append(workers[number % len(workers)].submit(render, index))
            if len(waiting) > _QUEUED * len(workers):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
