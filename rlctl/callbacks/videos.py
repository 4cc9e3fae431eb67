"""Callback that renders videos of checkpoints during the training."""

import os
import shutil
from contextlib import closing
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from rlctl.callbacks.background_job import BackgroundJob
from rlctl.callbacks.base import TrainingInfo
from rlctl.core.capabilities import capabilities_of
from rlctl.core.progress import Event
from rlctl.engines.config import TrainConfig

FOLDER = "videos"  # in the run's folder


def validate(env: str, config: Any) -> None:
    """Check that an environment can be rendered here.

    Args:
        env: Its catalog name.
        config: Its settings.

    Raises:
        RendererMissing: There is no OpenGL platform or no encoder.
    """
    from rlctl.rendering import gl, online, video
    from rlctl.rollouts.factory import make_environment, make_rendering_driver

    video.check_path(Path(gettempdir()) / "rlctl.mp4")
    if not capabilities_of(make_environment(env, config)).renders_itself:
        gl.find()
        return
    # Only a frame shows whether an environment that renders itself can.

    with online.headless(), closing(make_rendering_driver(env, config, "auto")) as driver:
        driver.reset(0)
        driver.render()


class Videos:
    """Renders checkpoints that cross a multiple of `train.video_every` steps, and the last one.

    A checkpoint is skipped while another is being rendered. Rendering reads hard links to the
    checkpoint's files, so that the training may delete the checkpoint meanwhile.
    """

    def __init__(self, training: TrainingInfo) -> None:
        self._env = training.env
        self._every = training.settings[TrainConfig].video_every
        self._folder = training.folder / FOLDER
        self._progress, self._stop = training.progress, training.stop
        self._job = BackgroundJob(self._folder / ".drawing", training.progress, self._report)
        self._last_step = training.start
        self._newest: Path | None = None  # checkpoint
        self._rendered: Path | None = None  # checkpoint of the last video that was started

    def on_event(self, event: Event) -> None:
        busy = self._job.busy
        if event["event"] != "checkpoint":
            return
        crossed = event["steps"] // self._every > self._last_step // self._every
        self._last_step, self._newest = event["steps"], Path(event["path"])
        if crossed and busy:
            self._note(f"no video of step {event['steps']:,}: another is still being rendered")
        elif crossed:
            self._render(self._newest)

    def finish(self, error: Exception | None) -> None:
        missing = self._newest if self._newest != self._rendered else None
        if error is not None or not (self._job.busy or missing):
            return
        signal = self._stop()
        self._note("finishing the videos; Ctrl-C skips them")
        with self._progress.phase("film"):
            self._job.restart_at_normal_priority()
            self._job.wait(lambda: self._stop() != signal)
            if missing and not self._job.busy:
                self._render(missing, low_priority=False)
                self._job.wait(lambda: self._stop() != signal)

    def close(self) -> None:
        self._job.close()

    def _render(self, checkpoint: Path, low_priority: bool = True) -> None:
        self._rendered = checkpoint
        links = self._job.temp_folder / checkpoint.name
        shutil.copytree(checkpoint, links, copy_function=_link)
        out = self._folder / f"{links.name}.mp4"
        self._job.start(("render", self._env, "--ckpt", str(links), "--cpu"), out, low_priority)

    def _report(self, path: Path) -> None:
        self._progress.event("film", path=str(path))

    def _note(self, message: str) -> None:
        self._progress.event("note", message=message)


def _link(source: str, target: str) -> None:
    """Hard-link a file; copy it where the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
