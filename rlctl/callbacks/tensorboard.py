"""Callback that logs the metrics of a training to TensorBoard, against environment steps."""

from rlctl.callbacks.base import TrainingInfo
from rlctl.callbacks.event_file import EventFile
from rlctl.callbacks.scalars import scalars
from rlctl.core.progress import Event

FOLDER = "tensorboard"  # in the run's folder


class TensorBoard:
    """Writes an event file. That of a resumed run replaces the steps that are trained again."""

    def __init__(self, training: TrainingInfo) -> None:
        self._file = EventFile(training.folder / FOLDER, training.start)

    def on_event(self, event: Event) -> None:
        if values := scalars(event):
            self._file.write(event["steps"], values)

    def finish(self, error: Exception | None) -> None:
        pass

    def close(self) -> None:
        self._file.close()
