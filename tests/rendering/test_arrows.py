"""Velocity arrows point in the direction of the velocity."""

import numpy as np
import pytest

from rlctl.rendering.arrows import COMMANDED, velocity_arrows

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
def test_they_lie_level_in_the_heading_frame_of_the_robot(attitude, planar, direction):
    qpos = np.array([3.0, 4.0, 0.3, *attitude, 9.0])
    (arrow,) = velocity_arrows(qpos, np.array(planar), COMMANDED)
    difference = arrow.end - arrow.start
    np.testing.assert_allclose(
        difference / np.linalg.norm(difference), [*direction, 0.0], atol=1e-12
    )
    np.testing.assert_array_equal(arrow.start[:2], [3.0, 4.0])
    (longer,) = velocity_arrows(qpos, 2.0 * np.array(planar), COMMANDED)
    np.testing.assert_allclose(longer.end - longer.start, 2.0 * difference)


def test_standing_still_has_no_arrow():
    assert (
        velocity_arrows(np.array([0.0, 0.0, 0.3, 1.0, 0.0, 0.0, 0.0]), np.zeros(2), COMMANDED) == []
    )
