import os
import signal
import subprocess
import sys
import time
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
def test_a_video_is_described(rlctl):
    saved_policy.save()
    done = rlctl("render", "--out", "a.gif", "--steps", 20, "--size", "64x48", "--cpu")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "a.gif: 0.4 s, 10 frames of 64x48"
    assert lines[1].startswith("pendulum, 1,000 steps trained")
    assert Path("a.gif").exists()


@pytest.mark.usefixtures("drawing")
def test_a_video_without_a_name_is_named_after_its_policy(rlctl):
    saved_policy.save()
    args = ("render", "--steps", 2, "--size", "64x48", "--cpu")
    done = rlctl(*args)
    assert done.code == 0
    assert done.out.splitlines()[0].startswith("pendulum-1000.mp4: ")
    before = Path("pendulum-1000.mp4").read_bytes()
    done = rlctl(*args)
    assert done.code == 2
    assert "pendulum-1000.mp4 already exists" in done.err
    assert "--out" in done.err
    assert Path("pendulum-1000.mp4").read_bytes() == before


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


@pytest.mark.usefixtures("drawing")
def test_tiles_are_described(rlctl):
    path = saved_policy.save(out=Path("runs/one"))
    saved_policy.save(out=Path("runs/two"))
    args = ("render", "--out", "a.png", "--steps", 1, "--size", "64x48", "--cpu")
    done = rlctl(*args, "--ckpt", path, "--num-envs", 2)
    assert done.code == 0
    title, about, *tiles = done.out.splitlines()
    assert title == "a.png: 2 frames of 128x48"
    assert about == f"pendulum, 1,000 steps trained ({path}); 1 steps"
    assert tiles == ["environment 1: return 0.0", "environment 2: return 0.0"]
    done = rlctl(*args, "--ckpt", "one", "--ckpt", "two")
    assert done.code == 0
    assert done.out.splitlines()[1:] == [
        "pendulum; 1 steps",
        "one step 1,000: return 0.0",
        "two step 1,000: return 0.0",
    ]
    done = rlctl(*args, "--ckpt", "one", "--ckpt", "two", "--json")
    tiles = done.envelope["data"]["tiles"]
    assert [tile["title"] for tile in tiles] == ["one step 1,000", "two step 1,000"]
    assert tiles[0] == {
        "title": "one step 1,000",
        "checkpoint": done.envelope["data"]["checkpoint"],
        "step": 1000,
        "returns": [0.0],
    }
    assert "two" in tiles[1]["checkpoint"]


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        ((), 3, "no run with a checkpoint yet"),
        (("--out", "a.mp4", "--num-envs", "0"), 2, "0 environments cannot be rendered"),
        (("--out", "a.mp4", "--num-envs", "17"), 2, "rendered; allowed: 1 to 16"),
        (("--out", "a.mp4", "--num-envs", "two"), 2, "--num-envs"),
        (("--out", "a.mp4", *("--ckpt", "x") * 5), 2, "5 checkpoints cannot be rendered"),
        (("--out", "a.mp4", "--num-envs", "2", *("--ckpt", "x") * 2), 2, "leave --num-envs out"),
        (("--out", "a.avi"), 2, "a.avi does not end in"),
        (("--out", "a.mp4", "--size", "big"), 2, "--size big is not WIDTHxHEIGHT"),
        (("--out", "a.mp4", "--size", "-2x4"), 2, "--size -2x4 is not WIDTHxHEIGHT"),
        (("--out", "a.mp4", "--size", "7x7"), 2, "even numbers"),
        (("--out", "a.mp4", "--steps", "0"), 2, "0 steps cannot be rendered"),
        (("--out", "a.mp4", "--fps", "0"), 2, "0 frames per second"),
        (("--out", "a.mp4", "--fps", "fast"), 2, "--fps"),
        (("--out", "a.mp4", "--cpu", "--device", "gpu"), 2, "contradict"),
        (("--out", "a.mp4", "--ckpt", "nowhere"), 3, "nowhere"),
        (("pendulum", "--out", "a.mp4", "--set", "env.angel=1"), 2, "--set env.angel: there is no"),
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


@pytest.mark.usefixtures("drawing")
def test_meshes_that_are_not_there(rlctl, monkeypatch):
    saved_policy.save("barkour")
    monkeypatch.setenv("MENAGERIE_ROOT", "menagerie")
    done = rlctl("render", "--out", "a.mp4", "--cpu")
    assert done.code == 3
    assert "menagerie/google_barkour_vb/barkour_vb_mjx.xml" in done.err
    assert "unset it to render simple shapes" in done.err
    assert not Path("a.mp4").exists()


@pytest.mark.usefixtures("drawing")
@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_nothing_is_left_when_it_is_stopped(signum):
    saved_policy.save()
    options = ["--out", "a.mp4", "--cpu", "--size", "64x48", "--steps", "4000"]
    command = [sys.executable, "-m", "rlctl", "render", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    seen = 0
    while seen < 4:  # for longer than the check before the work: it is being drawn
        seen += any(Path().glob(".a.mp4.*"))
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signum)
    complaint = process.communicate(timeout=60)[1]
    assert process.returncode == 12
    assert f"stopped by {'Ctrl-C' if signum == signal.SIGINT else signum.name}" in complaint
    assert os.listdir() == ["runs"]


def test_no_renderer(rlctl, monkeypatch):
    saved_policy.save()
    monkeypatch.setattr(gl, "problem", lambda platform: "not here")
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    done = rlctl("render", "--out", "a.mp4", "--json")
    assert done.code == 10
    assert done.envelope["ok"] is False
    assert done.envelope["error"]["code"] == "renderer_missing"
    assert "apt install" in done.envelope["error"]["hint"]
