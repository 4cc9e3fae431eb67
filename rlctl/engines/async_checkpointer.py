"""Checkpoints written beside the training, which waits for none of them.

What is saved never changes while it is written: arrays are replaced by an update, not written to.
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
    """Saves one checkpoint after another, each whole before the next is begun.

    A disk that is full, or fails, costs a warning and that checkpoint; the training goes on.

    Args:
        folder: The run's checkpoints.
        keep_last: How many of the newest are kept besides the best.
        keep_every: Steps between checkpoints kept for good, 0 for none.
        progress: Told of what was saved and what could not be.

    Attributes:
        saved: Step and step of the evaluation of what was saved last, (-1, -1) before anything.
        best: What that one says of the best, None before any.
    """

    def __init__(self, folder: Path, keep_last: int, keep_every: int, progress: Progress) -> None:
        self.saved = self._asked = (-1, -1)
        self.best: dict[str, Any] | None = None
        self._folder, self._keep, self._progress = folder, (keep_last, keep_every), progress
        self._hand = ThreadPoolExecutor(1, "saver")
        self._under_way: Future[tuple[dict[str, Any], str]] | None = None
        self._short = False

    def has(self, step: int, evaluated: int) -> bool:
        """Whether the checkpoint of a step, as evaluated, is saved or under way."""
        key = (step, evaluated)
        return key == self.saved or (self._under_way is not None and key == self._asked)

    def begin(self, facts: Mapping[str, Any], groups: Mapping[str, Mapping[str, Any]]) -> None:
        """Begin to save; nothing else may be under way, see `look`.

        Args:
            facts: See `store.save`; with `step`, `evaluated` and `best`.
            groups: See `store.save`.
        """
        self._asked = facts["step"], facts["evaluated"]
        self._under_way = self._hand.submit(self._save, facts, groups)

    def look(self, wait: bool = False) -> int | None:
        """Tell what has become of the checkpoint under way, if it is done.

        Args:
            wait: Wait until it is.

        Returns:
            Its step, if there was no space for it.

        Raises:
            RlctlError: It could not be saved, for any reason but space.
        """
        task = self._under_way
        if task is None or not (wait or task.done()):
            return None
        self._under_way = None
        try:
            event, trouble = task.result()
        except OutOfSpace as error:
            self._warn(f"NOT SAVED: {error.message}; the training goes on, and saves when it can")
            return self._asked[0]
        self._progress.event("checkpoint", **event)
        if trouble:
            self._warn(f"saved, but {trouble}")
        self._watch_space(Path(event["path"]))
        return None

    def finish(self) -> None:
        """Wait for the checkpoint under way.

        Raises:
            RlctlError: It could not be saved. Older checkpoints are as they were.
        """
        task = self._under_way
        if task is not None and (error := task.exception()) is not None:
            self._under_way = None
            raise error
        self.look(wait=True)

    def close(self) -> None:
        """Let the thread go."""
        self._hand.shutdown()

    def _save(
        self, facts: Mapping[str, Any], groups: Mapping[str, Mapping[str, Any]]
    ) -> tuple[dict[str, Any], str]:
        """Save, mark the best, delete what is not kept: the event, and what went wrong after."""
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

    def _watch_space(self, checkpoint: Path) -> None:
        """Warn before the disk is full, and again after it had space in between."""
        free = shutil.disk_usage(checkpoint).free
        short = free < 2 * sum(file.stat().st_size for file in checkpoint.iterdir())
        if short and not self._short:
            self._warn(f"only {free / 2**20:.3g} MiB are free, too few for two more checkpoints")
        self._short = short

    def _warn(self, message: str) -> None:
        self._progress.event("warning", message=message)
