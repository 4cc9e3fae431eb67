"""Render trajectories to a video file, one or several side by side."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from rlctl.core.errors import Incompatible
from rlctl.rendering import gl, grid, parallel, video
from rlctl.rendering.canvas import Canvas
from rlctl.rendering.options import RenderOptions
from rlctl.rendering.overlay import caption, with_heading
from rlctl.rendering.parallel import map_ordered
from rlctl.rendering.trajectory import Trajectory
from rlctl.rendering.views import cameras

_SHEET_FRAMES = 12  # images in a contact sheet
_ANY_THREAD = ("egl", "osmesa")  # platforms that can render outside the main thread


@dataclass(frozen=True)
class VideoInfo:
    """A written video: number of frames, length (0 s for a contact sheet), size in pixels."""

    path: Path
    frames: int
    fps: float
    seconds: float
    size: tuple[int, int]
    camera: str
    platform: str


def write(
    trajectories: Sequence[Trajectory],
    path: Path,
    model: mujoco.MjModel,
    options: RenderOptions,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
) -> VideoInfo:
    """Render trajectories on `model`, one tile each, and write them at real-time speed.

    Args:
        trajectories: Trajectories of one environment, equally long.
        path: A .mp4, .webm, .gif or .png file; see `video`.
        model: The scene; it must have the same joints as the physics.
        options: Camera, size and frame rate.
        on_frame: Called after every frame with (frames done, frames in all).

    Raises:
        UsageError: A camera, size, frame rate or file type that cannot be used.
        Incompatible: The scene has other joints than the physics.
        RendererMissing: No OpenGL platform or no FFmpeg.
        OutOfSpace: The file cannot be written.
    """
    options.validate(len(trajectories))
    video.check_path(path)
    spec, frames = trajectories[0].spec, trajectories[0].frames
    camera = options.resolve_camera(cameras(model), spec)
    if model.nq != frames[0].qpos.size:
        raise Incompatible(
            f"the scene of {spec.id} has {model.nq} positions, its physics {frames[0].qpos.size}"
        )
    fps = video.frame_rate(spec.control_dt, path, options.fps)
    chosen = frame_indices(path, len(frames) - 1, spec.control_dt, fps)
    width, height = options.tile(len(trajectories), path.suffix)
    columns, rows = grid.shape(len(trajectories))
    platform = gl.find()
    images = map_ordered(
        chosen,
        lambda canvas, index: _page(
            trajectories, canvas, index, index == 0 or not is_contact_sheet(path)
        ),
        lambda: Canvas(model, width, height, camera),
        parallel.thread_count() if platform in _ANY_THREAD else 0,
    )
    with closing(images):
        written = video.write(path, _counted(images, len(chosen), on_frame), fps)
    seconds = 0.0 if is_contact_sheet(path) else written / fps
    size = columns * width, rows * height
    return VideoInfo(path, written, fps, seconds, size, camera, platform)


def _page(trajectories: Sequence[Trajectory], canvas: Canvas, index: int, head: bool) -> np.ndarray:
    """Render one step: a tile per trajectory, with the heading if `head`."""
    tiles = []
    for trajectory in trajectories:
        frame = trajectory.frame_at(index)
        image = canvas.render(frame.qpos, trajectory.arrows(frame))
        tiles.append(caption(image, trajectory.caption_text(frame)))
    columns, rows = grid.shape(len(trajectories))
    if head:
        corner = (rows - 1) * columns  # the lower left tile
        tiles[corner] = with_heading(
            tiles[corner], trajectories[0].heading, index * trajectories[0].spec.control_dt
        )
    return grid.tile_images(tiles, columns)


def _counted(
    images: Iterable[np.ndarray], total: int, on_frame: Callable[[int, int], None]
) -> Iterator[np.ndarray]:
    for done, image in enumerate(images, 1):
        yield image
        on_frame(done, total)


def is_contact_sheet(path: Path) -> bool:
    """Return whether the file is a contact sheet."""
    return path.suffix.lower() == ".png"


def frame_indices(path: Path, last: int, control_dt: float, fps: float) -> list[int]:
    """Return the indices, of 0 .. last, of the frames that a file shows.

    A video shows one second of simulation per second. A contact sheet shows up to 12 frames, evenly
    spaced, including the first and the last.
    """
    if is_contact_sheet(path):
        count = min(_SHEET_FRAMES, last + 1)
        return np.linspace(0, last, count).round().astype(int).tolist()
    count = max(1, round(last * control_dt * fps))
    return [min(last, int(index / (fps * control_dt) + 0.5)) for index in range(count)]
