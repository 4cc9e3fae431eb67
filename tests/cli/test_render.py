from pathlib import Path

import pytest
import saved_policy

from rlctl.core.errors import RendererMissing
from rlctl.rendering import gl


@pytest.fixture
def drawing():
    try:
        gl.find()
    except RendererMissing as missing:
        pytest.skip(missing.message)


@pytest.mark.usefixtures("drawing")
def test_a_film_is_described(rlctl):
    saved_policy.save()
    done = rlctl("render", "--out", "a.gif", "--steps", 20, "--size", "64x48", "--cpu")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "a.gif: 0.4 s, 10 frames of 64x48"
    assert lines[1].startswith("pendulum, 1,000 steps trained")
    assert Path("a.gif").exists()


@pytest.mark.usefixtures("drawing")
def test_a_command_where_none_is_taken(rlctl):
    saved_policy.save()
    done = rlctl("render", "--out", "a.gif", "--command", "vx=1", "--cpu")
    assert done.code == 2
    assert "takes no command" in done.err
    assert not Path("a.gif").exists()


@pytest.mark.usefixtures("drawing")
def test_json(rlctl):
    saved_policy.save()
    done = rlctl("render", "pendulum", "--out", "a.png", "--steps", 3, "--size", "64x48", "--json")
    assert done.code == 0
    assert len(done.out.splitlines()) == 1
    assert done.envelope["ok"] is True
    data = done.envelope["data"]
    assert (data["path"], data["env"], data["frames"], data["size"]) == (
        "a.png",
        "pendulum",
        4,
        [64, 48],
    )


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        ((), 2, "--out"),
        (("--out", "a.avi"), 2, "a.avi does not end in"),
        (("--out", "a.mp4", "--size", "big"), 2, "--size big is not WIDTHxHEIGHT"),
        (("--out", "a.mp4", "--size", "-2x4"), 2, "--size -2x4 is not WIDTHxHEIGHT"),
        (("--out", "a.mp4", "--size", "7x7"), 2, "even numbers"),
        (("--out", "a.mp4", "--steps", "0"), 2, "0 steps cannot be filmed"),
        (("--out", "a.mp4", "--fps", "0"), 2, "0 frames per second"),
        (("--out", "a.mp4", "--fps", "fast"), 2, "--fps"),
        (("--out", "a.mp4", "--cpu", "--device", "gpu"), 2, "contradict"),
        (("--out", "a.mp4", "--ckpt", "nowhere"), 3, "nowhere"),
        (("walker", "--out", "a.mp4"), 2, "no environment 'walker'"),
    ],
)
def test_bad_input(rlctl, args, code, words):
    done = rlctl("render", *args)
    assert done.code == code
    assert words in done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    assert not Path("a.mp4").exists()


def test_no_renderer(rlctl, monkeypatch):
    saved_policy.save()
    monkeypatch.setattr(gl, "problem", lambda platform: "not here")
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    done = rlctl("render", "--out", "a.mp4", "--json")
    assert done.code == 10
    assert done.envelope["ok"] is False
    assert done.envelope["error"]["code"] == "renderer_missing"
    assert "apt install" in done.envelope["error"]["hint"]
