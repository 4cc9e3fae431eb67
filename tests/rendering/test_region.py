"""The foreground box, rendered in full quality, contains everything but floor and sky."""

import mujoco
import numpy as np
import pytest

from rlctl.rendering import canvas as canvas_module
from rlctl.rendering import region
from rlctl.rendering.arrows import COMMANDED, Arrow
from rlctl.rendering.canvas import Canvas
from rlctl.rollouts.factory import make_environment

WHOLE = region.Box(0, 0, 640, 360)


def eye():
    """Return a camera at x = 2 m that looks at the origin."""
    camera = mujoco.MjvGLCamera()
    camera.pos[:], camera.forward[:], camera.up[:] = (2, 0, 0), (-1, 0, 0), (0, 0, 1)
    camera.frustum_near, camera.frustum_top, camera.frustum_bottom = 0.01, 0.005, -0.005
    return camera


def test_a_ball_in_the_middle():
    box = region.bounding_box(eye(), np.zeros((1, 3)), np.array([0.1]), WHOLE)
    pixel = 180 / 0.5  # pixels per metre at 1 m
    reach = 0.1 * pixel / 1.9
    assert box.left == pytest.approx(320 - reach, abs=6)
    assert box.right == pytest.approx(320 + reach, abs=6)
    assert box.left <= 320 - reach
    assert box.top >= 180 + reach


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ((3.0, 0.0, 0.0), None),  # behind
        ((0.0, 50.0, 0.0), None),  # far to the side
        ((2.0, 0.0, 0.0), WHOLE),  # around the camera
    ],
)
def test_out_of_sight_and_too_near(place, expected):
    assert region.bounding_box(eye(), np.array([place]), np.array([0.1]), WHOLE) == expected


@pytest.mark.usefixtures("opengl")
@pytest.mark.parametrize("name", ["barkour", "pendulum", "hopper"])
def test_two_passes_look_like_one(name, monkeypatch):
    scene = make_environment(name, None).scene()
    qpos = scene.qpos0.copy()
    arrows = [Arrow(np.array([0.0, 0.0, 0.6]), np.array([0.3, 0.2, 0.6]), COMMANDED)]
    with Canvas(scene, 320, 180) as canvas:
        parts = canvas.render(qpos, arrows).astype(int)
        monkeypatch.setattr(canvas_module, "_MAX_FOREGROUND", 0.0)
        whole = canvas.render(qpos, arrows).astype(int)
    different = np.abs(parts - whole).max(axis=-1)
    assert different.mean() < 1
    assert (different > 12).mean() < 0.002
