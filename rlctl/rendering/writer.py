"""Films drawn and written to a file, one or several side by side."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from rlctl.core.errors import Incompatible
from rlctl.rendering import gl, grid, painters, video
from rlctl.rendering.canvas import Canvas
from rlctl.rendering.options import RenderOptions
from rlctl.rendering.overlay import caption, headed
from rlctl.rendering.painters import painted
from rlctl.rendering.trajectory import Trajectory
from rlctl.rendering.views import cameras

_MOMENTS = 12  # of a contact sheet
_ANY_THREAD = ("egl", "osmesa")  # platforms that draw in others than the main thread


@dataclass(frozen=True)
class VideoInfo:
    """A film on the disk: `frames` pictures of `size`, `seconds` long (0 for a contact sheet)."""

    path: Path
    frames: int
    fps: float
    seconds: float
    size: tuple[int, int]
    camera: str
    platform: str


def write(
    films: Sequence[Trajectory],
    path: Path,
    model: mujoco.MjModel,
    look: RenderOptions,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
) -> VideoInfo:
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
    width, height = look.tile(len(films), path.suffix)
    columns, rows = grid.shape(len(films))
    platform = gl.find()
    pictures = painted(
        chosen,
        lambda canvas, index: _page(films, canvas, index, index == 0 or not is_sheet(path)),
        lambda: Canvas(model, width, height, camera),
        painters.count() if platform in _ANY_THREAD else 0,
    )
    with closing(pictures):
        frames = video.write(path, _counted(pictures, len(chosen), on_frame), fps)
    seconds = 0.0 if is_sheet(path) else frames / fps
    return VideoInfo(path, frames, fps, seconds, (columns * width, rows * height), camera, platform)


def _page(films: Sequence[Trajectory], canvas: Canvas, index: int, head: bool) -> np.ndarray:
    """The picture of a step: a tile of each film, and the heading if it is to have one."""
    tiles = []
    for film in films:
        moment = film.moment(index)
        tiles.append(caption(canvas.draw(moment.qpos, film.arrows(moment)), film.words(moment)))
    columns, rows = grid.shape(len(films))
    if head:
        corner = (rows - 1) * columns
        tiles[corner] = headed(tiles[corner], films[0].heading, index * films[0].spec.control_dt)
    return grid.tiled(tiles, columns)


def _counted(
    pictures: Iterable[np.ndarray], total: int, on_frame: Callable[[int, int], None]
) -> Iterator[np.ndarray]:
    for done, picture in enumerate(pictures, 1):
        yield picture
        on_frame(done, total)


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
