"""Training callbacks: the protocol, and how callbacks are attached to a training."""

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
    """The training that a callback is attached to.

    Attributes:
        folder: The run's folder.
        env: The environment.
        algo: The algorithm.
        settings: All settings of the training.
        start: Environment steps at which the training starts, 0 for a new run.
        progress: The training's events; callbacks report their own events here.
        stop: Returns the signal that asked to stop, None without one.
    """

    folder: Path
    env: str
    algo: str
    settings: Resolved
    start: int
    progress: Progress
    stop: Callable[[], int | None]


class Callback(Protocol):
    """Training callback. If it raises, it is detached with a warning."""

    def on_event(self, event: Event) -> None:
        """Handle an event; runs in the training's thread, so it must return quickly."""

    def finish(self, error: Exception | None) -> None:
        """Finish pending work after the training has ended; may take long.

        Args:
            error: The exception that ended the training, None without one.
        """

    def close(self) -> None:
        """Abandon pending work and release resources."""


@contextmanager
def attached(callbacks: Sequence[Callback], progress: Progress) -> Iterator[None]:
    """Run the `with` body with callbacks attached. A second signal cancels their finish step.

    Args:
        callbacks: The callbacks; closed at the end.
        progress: The training's events.
    """
    active = _CallbackList(callbacks, progress)
    try:
        with progress.subscribed(active.on_event):
            try:
                yield
            except StoppedUnsaved:  # the user asked twice to stop: do not wait for callbacks
                raise
            except Exception as error:
                active.finish(error)
                raise
            active.finish(None)
    finally:
        active.close()


class _CallbackList:
    """The callbacks still attached."""

    def __init__(self, callbacks: Sequence[Callback], progress: Progress) -> None:
        self._callbacks, self._progress = list(callbacks), progress

    def on_event(self, event: Event) -> None:
        for callback in tuple(self._callbacks):
            with self._detached_on_error(callback):
                callback.on_event(event)

    def finish(self, error: Exception | None) -> None:
        with suppress(StoppedUnsaved):  # the training is saved: only the callbacks are cancelled
            for callback in tuple(self._callbacks):
                with self._detached_on_error(callback):
                    callback.finish(error)

    def close(self) -> None:
        for callback in self._callbacks:
            callback.close()

    @contextmanager
    def _detached_on_error(self, callback: Callback) -> Iterator[None]:
        """Detach the callback if the `with` body raises; a stop is raised on."""
        try:
            yield
        except StoppedUnsaved:
            raise
        except Exception as error:
            # Removed before the warning: the warning is an event, which callbacks receive.
            self._callbacks.remove(callback)
            name = type(callback).__name__
            message = f"callback {name} failed and is detached: {in_brief(error)}"
            self._progress.event("warning", message=message)
            with suppress(Exception):
                callback.close()
