"""Record an environment through its own `render()` while it is stepped.

Such an environment cannot be set to a recorded state, so it is stepped while the video is written.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from rlctl.core.errors import RendererMissing, UsageError
from rlctl.rendering import gl, video
from rlctl.rendering.options import SMALLER, RenderOptions
from rlctl.rendering.overlay import caption, with_heading
from rlctl.rendering.trajectory import Trajectory
from rlctl.rendering.writer import VideoInfo, frame_indices, is_contact_sheet
from rlctl.rollouts.session import Session, act_of

if TYPE_CHECKING:
    from rlctl.policies.base import Policy
    from rlctl.rollouts.base import RenderingDriver


def check_options(options: RenderOptions, tiles: int, name: str) -> None:
    """Check that neither a camera nor several tiles were requested.

    Raises:
        UsageError: One was; an environment that renders itself supports neither.
    """
    if options.camera is not None:
        raise UsageError(
            f"{name} renders itself; there is no camera {options.camera!r} to choose",
            "leave --camera out",
        )
    if tiles > 1:
        raise UsageError(
            f"{name} renders itself, one environment per video; {tiles} tiles were requested",
            "make one video of each",
        )


@contextmanager
def headless() -> Iterator[None]:
    """Set variables so that environments render without a display; the user's own stay."""
    variables = {"SDL_VIDEODRIVER": "dummy", "PYGAME_HIDE_SUPPORT_PROMPT": "1"}
    if "mujoco" in sys.modules and not os.environ.get("MUJOCO_GL"):
        with suppress(RendererMissing):  # the environment may not need OpenGL
            variables["MUJOCO_GL"] = gl.find()
    variables = {name: value for name, value in variables.items() if not os.environ.get(name)}
    os.environ |= variables
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


class OnlineTrajectory(Trajectory):
    """Trajectory of an environment that renders itself, recorded to a video while it runs.

    Args:
        driver: Driver of environments that render themselves; the first one is recorded.
        policy: The policy that acts.
        total: Control steps to run.
        seed: Seed of the initial state.
        heading: Description of the video, shown in its first seconds.
    """

    def __init__(
        self, driver: "RenderingDriver", policy: "Policy", total: int, seed: int, heading: str = ""
    ) -> None:
        super().__init__(driver.spec, heading=heading)
        self._driver = driver
        self._session = Session(driver, act_of(policy))
        self._total, self._seed = total, seed

    def write_video(
        self,
        path: Path,
        options: RenderOptions,
        on_frame: Callable[[int, int], None] = lambda done, total: None,
    ) -> VideoInfo:
        """Run the policy and write the video.

        Raises:
            RendererMissing: The environment cannot render, or the video cannot be encoded.
            OutOfSpace: The file cannot be written.
            Diverged: The environment failed.
        """
        dt = self._driver.spec.control_dt
        fps = video.frame_rate(dt, path, options.fps)
        chosen = frame_indices(path, self._total, dt, fps)
        self._session.reset(self._seed)
        self.start(self._driver)
        size = options.size or _native_size(self._driver.render(), SMALLER.get(path.suffix.lower()))
        frames = video.write(path, self._render_frames(chosen, size, on_frame), fps)
        self._step_to(self._total)
        seconds = 0.0 if is_contact_sheet(path) else frames / fps
        return VideoInfo(path, frames, fps, seconds, size, "its own", "its own")

    def _render_frames(
        self, chosen: list[int], size: tuple[int, int], on_frame: Callable[[int, int], None]
    ) -> Iterator[np.ndarray]:
        for done, index in enumerate(chosen, 1):
            self._step_to(index)
            image = fit(self._driver.render(), size)
            image = caption(image, self.caption_text(self.frames[index]))
            yield with_heading(image, self.heading, index * self.spec.control_dt)
            on_frame(done, len(chosen))

    def _step_to(self, index: int) -> None:
        while len(self.frames) <= index:
            _, step = self._session.step()
            self.add(self._driver, step)


def fit(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale an image (height, width, 3) uint8 to `size` (width, height) with black borders."""
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    scale = min(size[0] / width, size[1] / height)
    inner = _inner_side(width * scale, size[0]), _inner_side(height * scale, size[1])
    page = Image.new("RGB", size)
    scaled = Image.fromarray(image).resize(inner, Image.Resampling.LANCZOS)
    page.paste(scaled, ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2))
    return np.asarray(page)


def _inner_side(scaled: float, side: int) -> int:
    """Round a side; to the page's where only a rounding error would be left as a border."""
    return side if abs(side - scaled) < 2 else max(1, round(scaled))


def _native_size(image: np.ndarray, limit: tuple[int, int] | None) -> tuple[int, int]:
    """Return width and height of an image, scaled down to `limit`; even, as encoders require."""
    height, width = image.shape[:2]
    scale = 1.0 if limit is None else min(1.0, limit[0] / width, limit[1] / height)
    return max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2))
