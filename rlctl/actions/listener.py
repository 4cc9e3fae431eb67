"""Listener: user code that receives the events of a training and may end it."""

from collections.abc import Callable

from rlctl.core.progress import Event


class StopTraining(Exception):
    """Raised by a user's callback to end the training as if all steps had been taken.

    The state is saved, and `train` returns its report. The run can be resumed.
    """


class Listener:
    """Forwards events to user code. An exception of that code ends the training, which is saved.

    Args:
        on_event: Called with every event, until it raises.

    Attributes:
        stopped: Whether `on_event` has raised.
        error: The exception; None without one, and for StopTraining.
    """

    def __init__(self, on_event: Callable[[Event], None] = lambda event: None) -> None:
        self._on_event = on_event
        self.stopped = False
        self.error: BaseException | None = None

    def __call__(self, event: Event) -> None:
        """Forward an event."""
        if self.stopped:
            return
        try:
            self._on_event(event)
        except StopTraining:
            self.stopped = True
        except BaseException as error:
            self.stopped, self.error = True, error

    def raise_error(self, note: str = "") -> None:
        """Raise the exception of the user code, if there was one.

        Args:
            note: Added to the exception.
        """
        if self.error is not None:
            if note:
                self.error.add_note(note)
            raise self.error
