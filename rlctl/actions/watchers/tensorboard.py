"""The figures of a training for TensorBoard, against environment steps."""

from rlctl.actions.watchers.base import Watched
from rlctl.actions.watchers.event_file import EventFile
from rlctl.actions.watchers.scalars import scalars
from rlctl.core.progress import Event

FOLDER = "tensorboard"  # of a run


class TensorBoard:
    """Writes an event file; that of a resumed run takes the place of what it trains again."""

    def __init__(self, watched: Watched) -> None:
        self._file = EventFile(watched.folder / FOLDER, watched.start)

    def hear(self, event: Event) -> None:
        if values := scalars(event):
            self._file.write(event["steps"], values)

    def finish(self, error: Exception | None) -> None:
        pass

    def close(self) -> None:
        self._file.close()
