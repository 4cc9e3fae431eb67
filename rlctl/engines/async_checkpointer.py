"""Asynchronous checkpoint writer: saves in a thread while training continues.

This needs no copy of the arrays: an update replaces arrays and never writes into them.
"""

import shutil
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rlctl.checkpoints import store
from rlctl.core.errors import OutOfSpace
from rlctl.core.progress import Progress


class AsyncCheckpointer:
    """Writer of one checkpoint at a time.

    A full disk costs a warning and that checkpoint; training continues.

    Args:
        folder: The run's checkpoints.
        keep_last: How many of the newest checkpoints are kept besides the best.
        keep_every: Steps between checkpoints that are never deleted, 0 for none.
        progress: Receives checkpoint events and warnings.

    Attributes:
        saved: Step and last evaluated step of the last checkpoint saved, (-1, -1) before any.
        best: The best evaluation according to that checkpoint, None before any.
    """

    def __init__(self, folder: Path, keep_last: int, keep_every: int, progress: Progress) -> None:
        self.saved = self._pending_key = (-1, -1)
        self.best: dict[str, Any] | None = None
        self._folder, self._keep, self._progress = folder, (keep_last, keep_every), progress
        self._executor = ThreadPoolExecutor(1, "checkpointer")
        self._pending: Future[tuple[dict[str, Any], str]] | None = None
        self._low_on_space = False

    def has(self, step: int, evaluated: int) -> bool:
        """Return whether the checkpoint of a step and last evaluated step is saved or pending."""
        key = (step, evaluated)
        return key == self.saved or (self._pending is not None and key == self._pending_key)

    def save(self, facts: Mapping[str, Any], groups: Mapping[str, Mapping[str, Any]]) -> None:
        """Start to save a checkpoint. No other may be pending; see `poll`.

        Args:
            facts: See `store.save`; with `step`, `evaluated` and `best`.
            groups: See `store.save`.
        """
        self._pending_key = facts["step"], facts["evaluated"]
        self._pending = self._executor.submit(self._write, facts, groups)

    def poll(self, wait: bool = False) -> int | None:
        """Report the pending checkpoint, if it is finished.

        Args:
            wait: Wait until it is finished.

        Returns:
            Its step if the disk was full, else None.

        Raises:
            RlctlError: It could not be saved for another reason.
        """
        task = self._pending
        if task is None or not (wait or task.done()):
            return None
        self._pending = None
        try:
            event, trouble = task.result()
        except OutOfSpace as error:
            self._warn(f"NOT SAVED: {error.message}; training continues and saves when it can")
            return self._pending_key[0]
        self._progress.event("checkpoint", **event)
        if trouble:
            self._warn(f"saved, but {trouble}")
        self._check_space(Path(event["path"]))
        return None

    def wait(self) -> None:
        """Wait for the pending checkpoint.

        Raises:
            RlctlError: It could not be saved, also because the disk is full. Older checkpoints are
                unchanged.
        """
        task = self._pending
        if task is not None and (error := task.exception()) is not None:
            self._pending = None
            raise error
        self.poll(wait=True)

    def close(self) -> None:
        """Shut down the writer thread."""
        self._executor.shutdown()

    def _write(
        self, facts: Mapping[str, Any], groups: Mapping[str, Mapping[str, Any]]
    ) -> tuple[dict[str, Any], str]:
        """Save, mark the best and prune. Return the event and what failed after the save."""
        path = store.save(self._folder, facts["step"], facts, groups)
        self.saved, self.best = (facts["step"], facts["evaluated"]), facts["best"]
        best = facts["best"] is not None and facts["best"]["step"] == facts["step"]
        event = {"steps": facts["step"], "path": str(path), "best": best}
        try:
            if best:
                store.mark_best(self._folder, facts["step"])
            store.prune(self._folder, *self._keep)
        except OutOfSpace as error:
            return event, error.message
        return event, ""

    def _check_space(self, checkpoint: Path) -> None:
        """Warn when the disk is nearly full; warn again only after space was free in between."""
        free = shutil.disk_usage(checkpoint).free
        # A checkpoint is written before an old one is deleted, so one more is not enough.
        low = free < 2 * sum(file.stat().st_size for file in checkpoint.iterdir())
        if low and not self._low_on_space:
            self._warn(f"only {free / 2**20:.3g} MiB are free, too few for two more checkpoints")
        self._low_on_space = low

    def _warn(self, message: str) -> None:
        self._progress.event("warning", message=message)
