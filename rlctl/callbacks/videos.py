"""Films of the checkpoints of a training, rendered while it goes on."""

import os
import shutil
from contextlib import closing
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from rlctl import catalog
from rlctl.callbacks.background_job import BackgroundJob
from rlctl.callbacks.base import TrainingInfo
from rlctl.core.progress import Event

FOLDER = "videos"  # of a run


def check(env: str, config: Any) -> None:
    """Check that an environment can be filmed here.

    Args:
        env: Its catalog name.
        config: Its settings.

    Raises:
        RendererMissing: There is nothing to draw or to encode with.
    """
    from rlctl.rendering import gl, video

    video.check_path(Path(gettempdir()) / "rlctl.mp4")
    if "gymnasium" not in catalog.env(env).physics:
        gl.find()
        return
    from rlctl.rendering import online
    from rlctl.rollouts.factory import make_drawn

    with online.headless(), closing(make_drawn(env, config, "auto")) as driver:
        driver.reset(0)
        driver.picture()


class Videos:
    """Films checkpoints that cross a multiple of `train.video_every` steps, and the last one.

    One is skipped while another is being drawn. What is drawn from has names of its own for the
    checkpoint's files, so that it may be deleted meanwhile.
    """

    def __init__(self, info: TrainingInfo) -> None:
        self._env = info.env
        self._every = info.settings["train"].video_every
        self._folder = info.folder / FOLDER
        self._progress, self._stop = info.progress, info.stop
        self._side = BackgroundJob(self._folder / ".drawing", info.progress, self._tell)
        self._before = info.start
        self._newest: Path | None = None  # checkpoint
        self._filmed: Path | None = None

    def on_event(self, event: Event) -> None:
        busy = self._side.busy
        if event["event"] != "checkpoint":
            return
        crossed = event["steps"] // self._every > self._before // self._every
        self._before, self._newest = event["steps"], Path(event["path"])
        if crossed and busy:
            self._note(f"no film of step {event['steps']:,}: another is still being drawn")
        elif crossed:
            self._film()

    def finish(self, error: Exception | None) -> None:
        missing = self._newest != self._filmed
        if error is not None or not (self._side.busy or missing):
            return
        asked = self._stop()
        self._note("finishing the films; Ctrl-C leaves them undone")
        with self._progress.phase("film"):
            self._side.hurry()
            self._side.wait(lambda: self._stop() != asked)
            if missing and not self._side.busy:
                self._film(gently=False)
                self._side.wait(lambda: self._stop() != asked)

    def close(self) -> None:
        self._side.close()

    def _film(self, gently: bool = True) -> None:
        self._filmed = self._newest
        kept = self._side.room / self._newest.name
        shutil.copytree(self._newest, kept, copy_function=_link)
        out = self._folder / f"{kept.name}.mp4"
        self._side.start(("render", self._env, "--ckpt", str(kept), "--cpu"), out, gently)

    def _tell(self, path: Path) -> None:
        self._progress.event("film", path=str(path))

    def _note(self, message: str) -> None:
        self._progress.event("note", message=message)


def _link(source: str, target: str) -> None:
    """Give a file a second name; copy it where the file system has no such thing."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
