"""The part of a picture that is drawn in full quality holds all there is to see."""

import mujoco
import numpy as np
import pytest

from rlctl.rendering import canvas as drawing_room
from rlctl.rendering import region
from rlctl.rendering.arrows import TOLD, Arrow
from rlctl.rendering.canvas import Canvas
from rlctl.rollouts.factory import make_environment

WHOLE = region.Box(0, 0, 640, 360)


def eye():
    """At 2 m on the x axis, looking at the origin."""
    found = mujoco.MjvGLCamera()
    found.pos[:], found.forward[:], found.up[:] = (2, 0, 0), (-1, 0, 0), (0, 0, 1)
    found.frustum_near, found.frustum_top, found.frustum_bottom = 0.01, 0.005, -0.005
    return found


def test_a_ball_in_the_middle():
    box = region.around(eye(), np.zeros((1, 3)), np.array([0.1]), WHOLE)
    pixel = 180 / 0.5  # for a metre, a metre away
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
    assert region.around(eye(), np.array([place]), np.array([0.1]), WHOLE) == expected


@pytest.mark.usefixtures("drawing")
@pytest.mark.parametrize("name", ["barkour", "pendulum", "hopper"])
def test_a_part_drawn_alone_looks_as_in_the_whole_picture(name, monkeypatch):
    scene = make_environment(name, None).scene()
    qpos = scene.qpos0.copy()
    arrows = [Arrow(np.array([0.0, 0.0, 0.6]), np.array([0.3, 0.2, 0.6]), TOLD)]
    with Canvas(scene, 320, 180) as canvas:
        parts = canvas.draw(qpos, arrows).astype(int)
        monkeypatch.setattr(drawing_room, "_MOST", 0.0)
        whole = canvas.draw(qpos, arrows).astype(int)
    different = np.abs(parts - whole).max(axis=-1)
    assert different.mean() < 1
    assert (different > 12).mean() < 0.002
