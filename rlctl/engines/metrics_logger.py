"""Metrics writer of a training that tolerates a full disk."""

from rlctl.core.errors import OutOfSpace
from rlctl.core.metrics import Metrics, Row
from rlctl.core.progress import Progress


class MetricsLogger:
    """Writer of metrics rows. On a full disk the rows are buffered, with one warning.

    Args:
        metrics: The file; it buffers what it cannot write.
        progress: Receives the warning.
    """

    def __init__(self, metrics: Metrics, progress: Progress) -> None:
        self._metrics, self._progress = metrics, progress
        self._warned = False

    def write(self, row: Row) -> None:
        """Append a row."""
        try:
            self._metrics.write(row)
            self._warned = False
        except OutOfSpace as error:
            self._warn_once(error)

    def flush(self) -> None:
        """Sync all rows so far to the disk, so that they survive a loss of power."""
        try:
            self._metrics.flush(durable=True)
        except OutOfSpace as error:
            self._warn_once(error)

    def _warn_once(self, error: OutOfSpace) -> None:
        if not self._warned:
            self._progress.event(
                "warning",
                message=f"{error.message}; metrics rows stay in memory until there is space",
            )
        self._warned = True
