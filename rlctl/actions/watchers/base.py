"""Who watches a training: told of its events, and never in its way."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rlctl.core.config import Resolved
from rlctl.core.errors import StoppedUnsaved, in_brief
from rlctl.core.progress import Event, Progress


@dataclass(frozen=True)
class Watched:
    """A training, as those see it who watch.

    Attributes:
        folder: Its run.
        env: The environment.
        algo: The algorithm.
        settings: All of its settings.
        start: Environment steps it goes on from, 0 for a new one.
        progress: Its events, and where to tell something.
        stop: The signal that asked to stop, None while none did.
    """

    folder: Path
    env: str
    algo: str
    settings: Resolved
    start: int
    progress: Progress
    stop: Callable[[], int | None]


class Watcher(Protocol):
    """One who watches. What it raises costs a warning, and its place."""

    def hear(self, event: Event) -> None:
        """Hear an event, in the training's own thread: quickly."""

    def finish(self, error: Exception | None) -> None:
        """Do what is left when the training has ended, with an error or without; may take long."""

    def close(self) -> None:
        """Leave at once whatever is not done."""


@contextmanager
def watching(watchers: Sequence[Watcher], progress: Progress) -> Iterator[None]:
    """Have a training, which is the body, watched. A second signal ends what is left to do after.

    Args:
        watchers: Who watches; closed in the end.
        progress: The training's.
    """
    room = _Room(watchers, progress)
    try:
        with progress.also(room.hear):
            try:
                yield
            except StoppedUnsaved:
                raise
            except Exception as error:
                room.finish(error)
                raise
            room.finish(None)
    finally:
        room.close()


class _Room:
    """The watchers that are left."""

    def __init__(self, watchers: Sequence[Watcher], progress: Progress) -> None:
        self._watchers, self._progress = list(watchers), progress

    def hear(self, event: Event) -> None:
        for watcher in tuple(self._watchers):
            with self._forgiven(watcher):
                watcher.hear(event)

    def finish(self, error: Exception | None) -> None:
        with suppress(StoppedUnsaved):  # all of the training is saved already
            for watcher in tuple(self._watchers):
                with self._forgiven(watcher):
                    watcher.finish(error)

    def close(self) -> None:
        for watcher in self._watchers:
            watcher.close()

    @contextmanager
    def _forgiven(self, watcher: Watcher) -> Iterator[None]:
        """Go on without a watcher that fails."""
        try:
            yield
        except StoppedUnsaved:
            raise
        except Exception as error:
            self._watchers.remove(watcher)
            name = type(watcher).__name__
            message = f"{name} is off from here on: {in_brief(error)}"
            self._progress.event("warning", message=message)
            with suppress(Exception):
                watcher.close()
