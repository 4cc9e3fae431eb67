"""Video files: .mp4, .webm and .gif through FFmpeg, .png as a contact sheet.

Writing is atomic: FFmpeg writes a temporary file, which is decoded to count its frames and then
renamed.
"""

import errno
import math
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import IO

import numpy as np

from rlctl.core.errors import RendererMissing, UsageError, pip_install
from rlctl.core.files import sync_folder, writing
from rlctl.rendering.grid import tile_images

_COLUMNS = 4  # of images in a contact sheet
_GAP = 6  # pixels between those images
_MAX_FPS = 50.0  # defaults; --fps may ask for more
_MAX_GIF_FPS = 25.0
_ENCODING = {
    ".mp4": "-c:v libx264 -crf 20 -preset veryfast -pix_fmt yuv420p -movflags +faststart -f mp4",
    ".webm": "-c:v libvpx-vp9 -crf 32 -b:v 0 -deadline realtime -cpu-used 6 -row-mt 1 "
    "-pix_fmt yuv420p -f webm",
    # One palette for the whole video, or colours flicker from frame to frame. Few colours and no
    # dithering halve the file size.
    ".gif": "-filter_complex split[a][b];[a]palettegen=max_colors=112[p];[b][p]"
    "paletteuse=dither=none:diff_mode=rectangle -f gif",
}
SUFFIXES = (*_ENCODING, ".png")


def check_path(path: Path) -> None:
    """Check that `path` can be written, before any work is done.

    Raises:
        UsageError: `path` does not end in one of `SUFFIXES`, or is a folder.
        OutOfSpace: The folder cannot be written.
        RendererMissing: There is no FFmpeg.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"{path} does not end in {', '.join(SUFFIXES)}", "name the file demo.mp4, for example"
        )
    if path.is_dir():
        raise UsageError(f"{path} is a folder", f"name a file, such as {path / 'demo.mp4'}")
    if path.suffix.lower() in _ENCODING:
        _ffmpeg()
    with _temporary_file(path):
        pass


def frame_rate(control_dt: float, path: Path, requested: float | None = None) -> float:
    """Return frames per second for a video of control steps `control_dt` seconds apart.

    The default is the control rate divided by an integer, so that motion stays even: at most 50,
    in a GIF at most 25 to keep the file small. GIF delays are multiples of 10 ms, and viewers
    ignore delays below 20 ms.
    """
    gif = path.suffix.lower() == ".gif"
    control_rate = 1 / control_dt
    limit = _MAX_GIF_FPS if gif else _MAX_FPS
    fps = requested or control_rate / math.ceil(control_rate / limit - 1e-6)
    return 100 / max(2, round(100 / fps)) if gif else fps


def write(path: Path, frames: Iterable[np.ndarray], fps: float) -> int:
    """Write frames (height, width, 3) uint8 with even sizes; return the number of frames.

    Raises:
        RendererMissing: There is no FFmpeg, or it failed.
        OutOfSpace: The file cannot be written.
    """
    with _temporary_file(path) as temporary:
        if path.suffix.lower() == ".png":
            count = _write_contact_sheet(temporary, list(frames))
        else:
            count = _encode(temporary, frames, fps, _ENCODING[path.suffix.lower()].split())
            _check_frame_count(temporary, count)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    return count


@contextmanager
def _temporary_file(path: Path) -> Iterator[Path]:
    """Yield a temporary file next to `path`; delete it at the end unless it was renamed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.touch()
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


def _ffmpeg() -> str:
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        return get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        raise RendererMissing(
            f"there is no FFmpeg to encode with: {error}",
            f"{pip_install('imageio-ffmpeg')}, or set IMAGEIO_FFMPEG_EXE to an ffmpeg, "
            "or write a .png, which needs none",
        ) from error


def _url(path: Path) -> str:
    """Return a path as FFmpeg URL; it takes 12:30.mp4 for a protocol and -a.mp4 for an option."""
    return f"file:{path}"


def _encode(path: Path, frames: Iterable[np.ndarray], fps: float, options: list[str]) -> int:
    frames = iter(frames)
    first = next(frames)
    height, width = first.shape[:2]
    ratio = Fraction(fps).limit_denominator(1001)
    source = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {ratio} -i -".split()
    command = [_ffmpeg(), "-v", "error", "-y", *source, *options, _url(path)]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=errors)
        assert process.stdin is not None  # a pipe, as asked for
        try:
            count = _write_frames(process.stdin, first, frames)
            process.stdin = None
            process.wait()
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            errors.seek(0)
            raise _failure(errors.read().decode(errors="replace"))
    return count


def _write_frames(pipe: IO[bytes], first: np.ndarray, rest: Iterator[np.ndarray]) -> int:
    """Send frames to FFmpeg; a broken pipe ends the loop, and the exit status gives the reason."""
    count = 0
    with suppress(BrokenPipeError), pipe:
        pipe.write(np.ascontiguousarray(first).data)
        for count, frame in enumerate(rest, 1):  # noqa: B007  counted
            pipe.write(np.ascontiguousarray(frame).data)
    return count + 1


def _failure(stderr: str) -> Exception:
    """Return the error that FFmpeg's output stands for."""
    for code in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
        if os.strerror(code).lower() in stderr.lower():
            return OSError(code, os.strerror(code))
    lines = stderr.strip().splitlines()
    return RendererMissing(f"FFmpeg failed: {lines[-1] if lines else 'without a message'}")


def _check_frame_count(path: Path, expected: int) -> None:
    """Check that the file decodes to the expected number of frames."""
    command = [_ffmpeg(), "-v", "error", "-nostdin", "-i", _url(path)]
    command += ["-map", "0:v:0", "-f", "null", "-progress", "-", "-"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    counts = re.findall(r"^frame=\s*(\d+)", done.stdout, re.MULTILINE)
    found = int(counts[-1]) if counts else 0
    if done.returncode or found != expected:
        raise RendererMissing(
            f"the encoded video has {found} readable frames instead of {expected}",
            "try another format: .mp4, .webm, .gif or .png",
        )


def _write_contact_sheet(path: Path, frames: list[np.ndarray]) -> int:
    from PIL import Image

    page = tile_images(frames, min(_COLUMNS, len(frames)), shade=255, gap=_GAP)
    Image.fromarray(page).save(path, format="PNG", optimize=True)
    return len(frames)
