import subprocess
import sys

import mujoco
import numpy as np
import pytest

from rlctl.rendering.canvas import Canvas
from rlctl.rendering.views import cameras

pytestmark = pytest.mark.usefixtures("opengl")


def red_center(image):
    """Return the mean column of the red pixels as a fraction of the width."""
    pixels = image.astype(int)
    red = pixels[..., 0] > 60 + pixels[..., 1:].max(axis=-1)
    assert red.any()
    return np.nonzero(red)[1].mean() / image.shape[1]


def test_renders_the_given_positions(ball):
    with Canvas(ball, 64, 48, "side") as canvas:
        middle, right = canvas.render(np.zeros(1)), canvas.render(np.ones(1))
    assert middle.shape == (48, 64, 3)
    assert middle.dtype == np.uint8
    assert red_center(middle) == pytest.approx(0.5, abs=0.03)
    assert red_center(right) > 0.65


def test_the_image_is_upright(ball):
    with Canvas(ball, 64, 48, "side") as canvas:
        image = canvas.render(np.zeros(1)).astype(int)
    floor = image[..., 1] > image[..., 0]
    assert floor[-8:].mean() > 0.9
    assert floor[:8].mean() < 0.1


def test_the_free_camera_frames_what_moves_not_the_floor(ball):
    with Canvas(ball, 64, 48) as canvas:
        image = canvas.render(np.zeros(1)).astype(int)
    red = image[..., 0] > 60 + image[..., 1:].max(axis=-1)
    assert 0.02 < red.mean() < 0.5
    assert red_center(image) == pytest.approx(0.5, abs=0.1)


def test_the_free_camera_follows_a_floating_robot():
    spec = mujoco.MjSpec()
    spec.worldbody.add_light(pos=[0, 0, 5])
    body = spec.worldbody.add_body(pos=[0, 0, 1])
    body.add_freejoint()
    body.add_geom(size=[0.3, 0, 0], rgba=[1, 0, 0, 1])
    with Canvas(spec.compile(), 64, 48) as canvas:
        for x in (0.0, 1.0, 2.0):
            image = canvas.render(np.array([x, 0, 1, 1, 0, 0, 0]))
            assert red_center(image) == pytest.approx(0.5, abs=0.2)


def test_a_scene_without_joints_is_rendered():
    spec = mujoco.MjSpec()
    spec.worldbody.add_geom(size=[0.3, 0, 0])
    with Canvas(spec.compile(), 32, 32) as canvas:
        assert canvas.render(np.zeros(0)).std() > 0


def test_cameras_are_those_with_a_name_and_free(ball):
    assert cameras(ball) == ("side", "free")


def test_sizes_beyond_the_models_framebuffer(ball):
    with Canvas(ball, 1024, 500) as canvas:
        assert canvas.render(np.zeros(1)).shape == (500, 1024, 3)


def test_nothing_is_printed_when_the_process_ends(ball, tmp_path):
    mujoco.mj_saveLastXML(str(tmp_path / "ball.xml"), ball)
    script = """
import mujoco, numpy, sys
from rlctl.rendering.canvas import Canvas
with Canvas(mujoco.MjModel.from_xml_path(sys.argv[1]), 32, 32) as canvas:
    canvas.render(numpy.zeros(1))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, "ball.xml"], capture_output=True, text=True, check=True
    )
    assert done.stdout + done.stderr == ""
