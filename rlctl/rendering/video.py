"""Frames into a file: .mp4, .webm and .gif through FFmpeg, .png as a contact sheet.

The file appears whole or not at all: FFmpeg writes beside it, the result is decoded again and its
frames are counted, and only then it gets its name.
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
from rlctl.rendering.grid import tiled

_COLUMNS = 4  # of a contact sheet
_GAP = 6  # pixels between its pictures
_MOST_FPS = 50.0  # unless more are asked for
_MOST_GIF_FPS = 25.0
_ENCODING = {
    ".mp4": "-c:v libx264 -crf 20 -preset veryfast -pix_fmt yuv420p -movflags +faststart -f mp4",
    ".webm": "-c:v libvpx-vp9 -crf 32 -b:v 0 -deadline realtime -cpu-used 6 -row-mt 1 "
    "-pix_fmt yuv420p -f webm",
    # One palette for the whole film: colours that change from frame to frame flicker. Few colours,
    # and none mixed of dots, make the file half as large.
    ".gif": "-filter_complex split[a][b];[a]palettegen=max_colors=112[p];[b][p]"
    "paletteuse=dither=none:diff_mode=rectangle -f gif",
}
SUFFIXES = (*_ENCODING, ".png")


def check(path: Path) -> None:
    """Raise unless `path` can be written: before the work, not after it.

    Raises:
        UsageError: A file name that does not end in one of `SUFFIXES`, or a folder.
        OutOfSpace: The folder cannot be written.
        RendererMissing: No FFmpeg.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"{path} does not end in {', '.join(SUFFIXES)}", "name the file demo.mp4, for example"
        )
    if path.is_dir():
        raise UsageError(f"{path} is a folder", f"name a file, such as {path / 'demo.mp4'}")
    if path.suffix.lower() in _ENCODING:
        _ffmpeg()
    with _beside(path):
        pass


def rate(control_dt: float, path: Path, asked: float | None = None) -> float:
    """Frames per second for a film of steps `control_dt` seconds apart.

    A whole fraction of the control rate, 50 at most, so that motion stays even; or what is asked.
    A GIF, which is large, has 25 at most; it counts hundredths of a second, and viewers ignore
    delays of less than two.
    """
    gif = path.suffix.lower() == ".gif"
    control_rate = 1 / control_dt
    fps = asked or control_rate / math.ceil(
        control_rate / (_MOST_GIF_FPS if gif else _MOST_FPS) - 1e-6
    )
    return 100 / max(2, round(100 / fps)) if gif else fps


def write(path: Path, frames: Iterable[np.ndarray], fps: float) -> int:
    """Write frames (height, width, 3) uint8, sizes even, and return how many there are.

    Raises:
        RendererMissing: No FFmpeg, or it failed.
        OutOfSpace: The file cannot be written.
    """
    with _beside(path) as temporary:
        if path.suffix.lower() == ".png":
            count = _sheet(temporary, list(frames))
        else:
            count = _encode(temporary, frames, fps, _ENCODING[path.suffix.lower()].split())
            _decode(temporary, count)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    return count


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, gone afterwards unless it was renamed."""
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
    """A path as FFmpeg takes it: 12:30.mp4 would be a protocol, and -a.mp4 an option."""
    return f"file:{path}"


def _encode(path: Path, frames: Iterable[np.ndarray], fps: float, how: list[str]) -> int:
    frames = iter(frames)
    first = next(frames)
    height, width = first.shape[:2]
    ratio = Fraction(fps).limit_denominator(1001)
    source = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {ratio} -i -".split()
    command = [_ffmpeg(), "-v", "error", "-y", *source, *how, _url(path)]
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=complaints)
        try:
            count = _feed(process.stdin, first, frames)
            process.stdin = None
            process.wait()
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            complaints.seek(0)
            raise _failure(complaints.read().decode(errors="replace"))
    return count


def _feed(pipe: IO[bytes], first: np.ndarray, rest: Iterator[np.ndarray]) -> int:
    """Send the frames; stop early where FFmpeg stopped listening: its exit status says why."""
    count = 0
    with suppress(BrokenPipeError), pipe:
        pipe.write(np.ascontiguousarray(first).data)
        for count, frame in enumerate(rest, 1):  # noqa: B007  counted
            pipe.write(np.ascontiguousarray(frame).data)
    return count + 1


def _failure(complaint: str) -> Exception:
    for code in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
        if os.strerror(code).lower() in complaint.lower():
            return OSError(code, os.strerror(code))
    lines = complaint.strip().splitlines()
    return RendererMissing(f"FFmpeg failed: {lines[-1] if lines else 'without a word'}")


def _decode(path: Path, expected: int) -> None:
    """Raise unless the file decodes to the expected number of frames."""
    command = [_ffmpeg(), "-v", "error", "-nostdin", "-i", _url(path)]
    command += ["-map", "0:v:0", "-f", "null", "-progress", "-", "-"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    counts = re.findall(r"^frame=\s*(\d+)", done.stdout, re.MULTILINE)
    found = int(counts[-1]) if counts else 0
    if done.returncode or found != expected:
        raise RendererMissing(
            f"the encoded film has {found} readable frames instead of {expected}",
            "try another format: .mp4, .webm, .gif or .png",
        )


def _sheet(path: Path, frames: list[np.ndarray]) -> int:
    from PIL import Image

    page = tiled(frames, min(_COLUMNS, len(frames)), shade=255, gap=_GAP)
    Image.fromarray(page).save(path, format="PNG", optimize=True)
    return len(frames)
