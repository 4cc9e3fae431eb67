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
class TrainingInfo:
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


class Callback(Protocol):
    """One who watches. What it raises costs a warning, and its place."""

    def on_event(self, event: Event) -> None:
        """Hear an event, in the training's own thread: quickly."""

    def finish(self, error: Exception | None) -> None:
        """Do what is left when the training has ended, with an error or without; may take long."""

    def close(self) -> None:
        """Leave at once whatever is not done."""


@contextmanager
def attached(callbacks: Sequence[Callback], progress: Progress) -> Iterator[None]:
    """Have a training, which is the body, watched. A second signal ends what is left to do after.

    Args:
        callbacks: What is attached; closed in the end.
        progress: The training's.
    """
    room = _CallbackList(callbacks, progress)
    try:
        with progress.subscribed(room.on_event):
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


class _CallbackList:
    """The callbacks still attached."""

    def __init__(self, callbacks: Sequence[Callback], progress: Progress) -> None:
        self._callbacks, self._progress = list(callbacks), progress

    def on_event(self, event: Event) -> None:
        for callback in tuple(self._callbacks):
            with self._forgiven(callback):
                callback.on_event(event)

    def finish(self, error: Exception | None) -> None:
        with suppress(StoppedUnsaved):  # all of the training is saved already
            for callback in tuple(self._callbacks):
                with self._forgiven(callback):
                    callback.finish(error)

    def close(self) -> None:
        for callback in self._callbacks:
            callback.close()

    @contextmanager
    def _forgiven(self, callback: Callback) -> Iterator[None]:
        """Go on without a watcher that fails."""
        try:
            yield
        except StoppedUnsaved:
            raise
        except Exception as error:
            self._callbacks.remove(callback)
            name = type(callback).__name__
            message = f"{name} is off from here on: {in_brief(error)}"
            self._progress.event("warning", message=message)
            with suppress(Exception):
                callback.close()
