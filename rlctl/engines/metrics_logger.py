"""A training's rows of metrics, which a full disk makes wait."""

from rlctl.core.errors import OutOfSpace
from rlctl.core.metrics import Metrics, Row
from rlctl.core.progress import Progress


class MetricsLogger:
    """Rows for a file; where there is no room for one it is kept, and that is said once.

    Args:
        metrics: The file.
        progress: Told of it.
    """

    def __init__(self, metrics: Metrics, progress: Progress) -> None:
        self._metrics, self._progress = metrics, progress
        self._waiting = False

    def write(self, row: Row) -> None:
        """Append a row."""
        try:
            self._metrics.write(row)
            self._waiting = False
        except OutOfSpace as error:
            self._say(error)

    def keep(self) -> None:
        """See to it that all rows so far outlive a loss of power."""
        try:
            self._metrics.flush(durable=True)
        except OutOfSpace as error:
            self._say(error)

    def _say(self, error: OutOfSpace) -> None:
        if not self._waiting:
            self._progress.event("warning", message=f"{error.message}; rows wait for it")
        self._waiting = True
