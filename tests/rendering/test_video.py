import os
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from rlctl.core.errors import OutOfSpace, RendererMissing, UsageError
from rlctl.rendering import video

SHADES = (20, 80, 140, 200, 250)


def gray(count=5, height=48, width=64):
    for shade in SHADES[:count]:
        yield np.full((height, width, 3), shade, np.uint8)


def decode(path):
    """Return frames (T, H, W, 3) and seconds of a video."""
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(path))
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path)]
    command += "-f rawvideo -pix_fmt rgb24 -s 64x48 -".split()  # noqa: SIM905
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    images = np.frombuffer(raw, np.uint8).reshape(-1, 48, 64, 3)
    assert len(images) == frames
    return images, seconds


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif", ".MP4"])
def test_a_video_has_its_frames_in_order_at_its_rate(tmp_path, suffix):
    path = tmp_path / "films" / f"film{suffix}"
    assert video.write(path, gray(), 10.0) == 5
    images, seconds = decode(path)
    assert seconds == pytest.approx(0.5, abs=0.02)
    np.testing.assert_allclose(images.mean(axis=(1, 2, 3)), SHADES, atol=6)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "name",
    ["12:30:05.mp4", "pipe:1.mp4", "-x.mp4", "a%03d.mp4", "a b'c.gif", "file:x.webm", "ä?.mp4"],
)
def test_any_name_is_that_of_a_file(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert video.write(Path(name), gray(), 10.0) == 5
    assert os.listdir() == [name]


def test_mp4_is_what_players_play(tmp_path):
    video.write(tmp_path / "film.mp4", gray(), 12.5)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", "film.mp4"]
    about = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert all(word in about for word in ("h264", "yuv420p", "12.50 fps"))
    head = (tmp_path / "film.mp4").read_bytes()
    assert head.index(b"moov") < head.index(b"mdat")  # plays before it is loaded whole


def test_a_contact_sheet_has_the_frames_in_rows(tmp_path):
    assert video.write(tmp_path / "sheet.png", gray(), 10.0) == 5
    page = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert page.shape == (2 * 48 + 6, 4 * 64 + 18, 3)
    assert [page[24, 32 + 70 * i, 0] for i in range(4)] == list(SHADES[:4])
    assert page[72, 32, 0] == SHADES[4]
    assert page[72, 96, 0] == page[24, 66, 0] == 255


def test_a_video_that_fails_leaves_nothing(tmp_path):
    def breaking():
        yield from gray(2)
        raise ValueError("the simulation broke")

    path = tmp_path / "film.mp4"
    path.write_text("an older video")
    with pytest.raises(ValueError, match="the simulation broke"):
        video.write(path, breaking(), 10.0)
    assert path.read_text() == "an older video"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        ("echo cannot do it >&2; exit 1", RendererMissing, "FFmpeg failed: cannot do it"),
        ("echo No space left on device >&2; exit 1", OutOfSpace, "no space left to write"),
        ("cat > /dev/null", RendererMissing, "0 readable frames instead of 5"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_an_encoder_that_fails(tmp_path, monkeypatch, script, error, words):
    encoder = tmp_path / "ffmpeg"
    encoder.write_text(f"#!/bin/sh\n{script}\n")
    encoder.chmod(0o755)
    monkeypatch.setattr(video, "_ffmpeg", lambda: str(encoder))
    with pytest.raises(error, match=words):
        video.write(tmp_path / "film.mp4", gray(), 10.0)
    assert list(tmp_path.iterdir()) == [encoder]


@pytest.mark.parametrize("name", ["film", "film.avi", "film.mp4.txt"])
def test_other_kinds_of_file(tmp_path, name):
    with pytest.raises(UsageError, match=r"does not end in .mp4, .webm, .gif, .png"):
        video.check_path(tmp_path / name)


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutOfSpace):
        video.check_path(tmp_path / "file" / "film.mp4")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        video.check_path(tmp_path / "folder.mp4")


def test_check_path_leaves_nothing(tmp_path):
    video.check_path(tmp_path / "film.mp4")
    assert list(tmp_path.iterdir()) == []


def test_no_encoder(tmp_path, monkeypatch):
    def missing():
        raise RuntimeError("No ffmpeg exe could be found")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", missing)
    with pytest.raises(RendererMissing, match="No ffmpeg exe") as raised:
        video.check_path(tmp_path / "film.mp4")
    assert "pip install imageio-ffmpeg" in raised.value.hint
    video.check_path(tmp_path / "sheet.png")


@pytest.mark.parametrize(
    ("control_dt", "name", "requested", "fps"),
    [
        (0.02, "a.mp4", None, 50),
        (0.04, "a.mp4", None, 25),
        (0.05, "a.webm", None, 20),
        (1 / 30, "a.mp4", None, 30),
        (0.01, "a.mp4", None, 50),
        (0.008, "a.mp4", None, 125 / 3),
        (0.002, "a.mp4", None, 50),
        (0.02, "a.mp4", 60, 60),
        (0.02, "a.gif", None, 25),
        (0.02, "a.gif", 60, 50),
        (1 / 30, "a.gif", None, 100 / 7),
    ],
)
def test_rates(tmp_path, control_dt, name, requested, fps):
    assert video.frame_rate(control_dt, tmp_path / name, requested) == pytest.approx(fps)
