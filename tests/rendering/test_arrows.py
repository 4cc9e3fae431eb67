"""Arrows point where a velocity of the torso does."""

import numpy as np
import pytest

from rlctl.rendering.arrows import TOLD, velocity

HALF = np.sqrt(0.5)


@pytest.mark.parametrize(
    ("attitude", "planar", "direction"),
    [
        ((1.0, 0.0, 0.0, 0.0), (0.5, 0.0), (1.0, 0.0)),
        ((HALF, 0.0, 0.0, HALF), (0.5, 0.0), (0.0, 1.0)),  # turned left by 90 degrees
        ((HALF, 0.0, 0.0, HALF), (0.0, 0.5), (-1.0, 0.0)),
        ((np.cos(0.2), 0.0, np.sin(0.2), 0.0), (0.5, 0.0), (1.0, 0.0)),  # nose down
    ],
)
def test_they_lie_level_in_the_robots_own_directions(attitude, planar, direction):
    qpos = np.array([3.0, 4.0, 0.3, *attitude, 9.0])
    (arrow,) = velocity(qpos, np.array(planar), TOLD)
    way = arrow.end - arrow.start
    np.testing.assert_allclose(way / np.linalg.norm(way), [*direction, 0.0], atol=1e-12)
    np.testing.assert_array_equal(arrow.start[:2], [3.0, 4.0])
    (longer,) = velocity(qpos, 2.0 * np.array(planar), TOLD)
    np.testing.assert_allclose(longer.end - longer.start, 2.0 * way)


def test_standing_has_none():
    assert velocity(np.array([0.0, 0.0, 0.3, 1.0, 0.0, 0.0, 0.0]), np.zeros(2), TOLD) == []
