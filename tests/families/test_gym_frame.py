"""Conversion of rendered frames to RGB."""

import numpy as np
import pytest
from odd_gym import Frames

from rlctl.families.gymnasium.frame import to_rgb


def frame(kind):
    return Frames(kind=kind).render()


@pytest.mark.parametrize("kind", ["usual", "int64", "alpha", "turned"])
def test_whole_numbers_are_colours(kind):
    image = to_rgb(frame(kind))
    assert (image.shape, image.dtype) == ((64, 64, 3), np.uint8)
    red = slice(32, 64) if kind == "turned" else slice(0, 32)
    np.testing.assert_array_equal(image[:, red], np.full((64, 32, 3), (250, 10, 10)))
    assert image.sum() == 64 * 32 * 270
    assert image.flags.c_contiguous


@pytest.mark.parametrize("kind", ["grey", "flat grey"])
def test_grey_has_three_equal_channels(kind):
    image = to_rgb(frame(kind))
    assert image.shape == (64, 64, 3)
    np.testing.assert_array_equal(image, np.full((64, 64, 3), frame("usual")[:, :, :1]))


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        ("unit", r"shape \(64, 64, 3\) and dtype float32, not whole numbers"),
        ("float", r"shape \(64, 64, 3\) and dtype float64, not whole numbers"),
        ("truth", r"shape \(64, 64, 3\) and dtype bool, not whole numbers"),
        ("channels first", r"shape \(3, 64, 64\) and dtype uint8, not \(height, width, 3\)"),
        ("empty", r"shape \(0, 64, 3\) and dtype uint8, not \(height, width, 3\)"),
        ("too large", r"dtype int64, of 6 to 256 rather than 0 to 255"),
        ("negative", r"dtype int16, of -1 to 249 rather than 0 to 255"),
        ("list", "render gave list, not an array"),
        ("none", "render gave NoneType, not an array"),
    ],
)
def test_other_frames_are_refused(kind, complaint):
    with pytest.raises(ValueError, match=complaint):
        to_rgb(frame(kind))
