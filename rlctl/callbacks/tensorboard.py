"""The figures of a training for TensorBoard, against environment steps."""

from rlctl.callbacks.base import TrainingInfo
from rlctl.callbacks.event_file import EventFile
from rlctl.callbacks.scalars import scalars
from rlctl.core.progress import Event

FOLDER = "tensorboard"  # of a run


class TensorBoard:
    """Writes an event file; that of a resumed run takes the place of what it trains again."""

    def __init__(self, info: TrainingInfo) -> None:
        self._file = EventFile(info.folder / FOLDER, info.start)

    def on_event(self, event: Event) -> None:
        if values := scalars(event):
            self._file.write(event["steps"], values)

    def finish(self, error: Exception | None) -> None:
        pass

    def close(self) -> None:
        self._file.close()
