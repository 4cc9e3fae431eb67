"""Film an environment that draws itself: its pictures are taken while it plays.

Such an environment cannot go back to a state, so it is stepped as the pictures are written.
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
from rlctl.rendering.overlay import caption, headed
from rlctl.rendering.trajectory import Trajectory
from rlctl.rendering.writer import VideoInfo, is_sheet, shown

if TYPE_CHECKING:
    from rlctl.policies.base import Policy
    from rlctl.rollouts.gym import GymDriver


def check(look: RenderOptions, tiles: int, name: str) -> None:
    """Raise if a camera or several tiles were asked for.

    Raises:
        UsageError: They were, which environments that draw themselves do not offer.
    """
    if look.camera is not None:
        raise UsageError(
            f"{name} draws itself; there is no camera {look.camera!r} to look through",
            "leave --camera out",
        )
    if tiles > 1:
        raise UsageError(
            f"{name} draws itself, and one at a time; {tiles} tiles were asked for",
            "make a film of each",
        )


@contextmanager
def drawing() -> Iterator[None]:
    """Have what environments draw with work without a display, where the user has not chosen."""
    found = {"SDL_VIDEODRIVER": "dummy", "PYGAME_HIDE_SUPPORT_PROMPT": "1"}
    if "mujoco" in sys.modules and not os.environ.get("MUJOCO_GL"):
        with suppress(RendererMissing):  # the environment may know another way
            found["MUJOCO_GL"] = gl.find()
    found = {name: value for name, value in found.items() if not os.environ.get(name)}
    os.environ |= found
    try:
        yield
    finally:
        for name in found:
            del os.environ[name]


class OnlineTrajectory(Trajectory):
    """The first environment of a driver, played by a policy.

    Args:
        driver: Of environments that draw themselves.
        policy: Who plays.
        total: Control steps to play.
        seed: Of the first state.
        heading: Shown in the first seconds.
    """

    def __init__(
        self, driver: "GymDriver", policy: "Policy", total: int, seed: int, heading: str = ""
    ) -> None:
        super().__init__(driver.spec, heading=heading)
        self._driver, self._policy = driver, policy
        self._total, self._seed = total, seed
        self._observation = np.zeros(0)

    def shoot(
        self,
        path: Path,
        look: RenderOptions,
        on_frame: Callable[[int, int], None] = lambda done, total: None,
    ) -> VideoInfo:
        """Play and write.

        Raises:
            RendererMissing: It cannot be drawn, or the film not be encoded.
            OutOfSpace: The file cannot be written.
            Diverged: The environment failed.
        """
        dt = self._driver.spec.control_dt
        fps = video.rate(dt, path, look.fps)
        chosen = shown(path, self._total, dt, fps)
        self._observation = self._driver.reset(self._seed)
        self.start(self._driver)
        size = look.size or _natural(self._driver.render(), SMALLER.get(path.suffix.lower()))
        frames = video.write(path, self._taken(chosen, size, on_frame), fps)
        self._play_to(self._total)
        seconds = 0.0 if is_sheet(path) else frames / fps
        return VideoInfo(path, frames, fps, seconds, size, "its own", "its own")

    def _taken(
        self, chosen: list[int], size: tuple[int, int], on_frame: Callable[[int, int], None]
    ) -> Iterator[np.ndarray]:
        for done, index in enumerate(chosen, 1):
            self._play_to(index)
            picture = caption(fit(self._driver.render(), size), self.words(self.moments[index]))
            yield headed(picture, self.heading, index * self.spec.control_dt)
            on_frame(done, len(chosen))

    def _play_to(self, index: int) -> None:
        while len(self.moments) <= index:
            step = self._driver.step(self._policy.act(self._observation))
            self.add(self._driver, step)
            self._observation = step.observation


def fit(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture (height, width, 3) uint8 scaled to `size` (width, height), black where it ends."""
    height, width = picture.shape[:2]
    if (width, height) == size:
        return picture
    scale = min(size[0] / width, size[1] / height)
    inner = tuple(
        side if abs(side - scaled) < 2 else max(1, round(scaled))  # no edge for a rounded pixel
        for side, scaled in zip(size, (width * scale, height * scale), strict=True)
    )
    page = Image.new("RGB", size)
    scaled = Image.fromarray(picture).resize(inner, Image.Resampling.LANCZOS)
    page.paste(scaled, ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2))
    return np.asarray(page)


def _natural(picture: np.ndarray, most: tuple[int, int] | None) -> tuple[int, int]:
    """Even width and height of a picture, made to fit into `most`."""
    height, width = picture.shape[:2]
    scale = 1.0 if most is None else min(1.0, most[0] / width, most[1] / height)
    return tuple(max(2, 2 * round(side * scale / 2)) for side in (width, height))
