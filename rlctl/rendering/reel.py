"""Films drawn and written to a file, one or several side by side."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from rlctl.core.errors import Incompatible
from rlctl.rendering import grid, video
from rlctl.rendering.canvas import Canvas, cameras
from rlctl.rendering.film import Film
from rlctl.rendering.look import Look
from rlctl.rendering.overlay import caption

_MOMENTS = 12  # of a contact sheet


@dataclass(frozen=True)
class Written:
    """A film on the disk: `frames` pictures of `size`, `seconds` long (0 for a contact sheet)."""

    path: Path
    frames: int
    fps: float
    seconds: float
    size: tuple[int, int]
    camera: str
    platform: str


def write(
    films: Sequence[Film],
    path: Path,
    model: mujoco.MjModel,
    look: Look,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
) -> Written:
    """Draw films on `model`, a tile each, and write them: one second shows one second.

    Args:
        films: Of one environment, equally long.
        path: A .mp4, .webm, .gif or .png, see `video`.
        model: The scene; with the same joints as the physics.
        look: Camera, size and frame rate.
        on_frame: Told after every frame how many of how many are drawn.

    Raises:
        UsageError: No such camera, size, rate or kind of file.
        Incompatible: The scene has other joints than the physics.
        RendererMissing: Nothing to draw or to encode with.
        OutOfSpace: The file cannot be written.
    """
    look.check(len(films))
    video.check(path)
    spec, moments = films[0].spec, films[0].moments
    camera = look.camera_among(cameras(model), spec)
    if model.nq != moments[0].qpos.size:
        raise Incompatible(
            f"the scene of {spec.id} has {model.nq} positions, its physics {moments[0].qpos.size}"
        )
    fps = video.rate(spec.control_dt, path, look.fps)
    chosen = shown(path, len(moments) - 1, spec.control_dt, fps)
    width, height = look.tile(len(films), is_sheet(path))
    columns, rows = grid.shape(len(films))
    with Canvas(model, width, height, camera) as canvas:
        frames = video.write(path, _pictures(films, canvas, chosen, on_frame), fps)
        seconds = 0.0 if is_sheet(path) else frames / fps
        size = columns * width, rows * height
        return Written(path, frames, fps, seconds, size, camera, canvas.platform)


def _pictures(
    films: Sequence[Film],
    canvas: Canvas,
    chosen: list[int],
    on_frame: Callable[[int, int], None],
) -> Iterator[np.ndarray]:
    columns, _ = grid.shape(len(films))
    for done, index in enumerate(chosen, 1):
        tiles = []
        for film in films:
            moment = film.moments[index]
            tiles.append(caption(canvas.draw(moment.qpos, film.arrows(moment)), film.words(moment)))
        yield grid.tiled(tiles, columns)
        on_frame(done, len(chosen))


def is_sheet(path: Path) -> bool:
    """Whether the file is a contact sheet."""
    return path.suffix.lower() == ".png"


def shown(path: Path, last: int, control_dt: float, fps: float) -> list[int]:
    """Which of the moments 0 .. last a file shows.

    A film shows a second of simulation in a second; a contact sheet some moments evenly spaced,
    the first and the last among them.
    """
    if is_sheet(path):
        count = min(_MOMENTS, last + 1)
        return np.linspace(0, last, count).round().astype(int).tolist()
    count = max(1, round(last * control_dt * fps))
    return [min(last, int(index / (fps * control_dt) + 0.5)) for index in range(count)]
