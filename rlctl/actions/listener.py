"""Listening to a training from outside, in code that may fail or have seen enough."""

from collections.abc import Callable

from rlctl.core.progress import Event


class StopTraining(Exception):
    """Raise it in a training's callback to end the training as if all steps had been taken.

    The state is saved, and `train` returns its report. The run can be resumed.
    """


class Listener:
    """Passes a training's events on. Whatever that raises ends the training, which is saved.

    Args:
        hear: Called with every event, until it raises.

    Attributes:
        over: Whether it raised something.
        error: What it raised; None for nothing, and for StopTraining.
    """

    def __init__(self, on_event: Callable[[Event], None] = lambda event: None) -> None:
        self._hear = on_event
        self.over = False
        self.error: BaseException | None = None

    def __call__(self, event: Event) -> None:
        """Pass an event on."""
        if self.over:
            return
        try:
            self._hear(event)
        except StopTraining:
            self.over = True
        except BaseException as error:
            self.over, self.error = True, error

    def check(self, note: str = "") -> None:
        """Raise what was raised, if anything was.

        Args:
            note: Added to it.
        """
        if self.error is not None:
            if note:
                self.error.add_note(note)
            raise self.error
