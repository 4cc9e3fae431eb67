import numpy as np
import pytest

from rlctl.rendering import grid


@pytest.mark.parametrize(
    ("count", "columns", "rows"),
    [(1, 1, 1), (2, 2, 1), (3, 2, 2), (4, 2, 2), (5, 3, 2), (9, 3, 3), (10, 4, 3), (16, 4, 4)],
)
def test_grids_are_nearly_square(count, columns, rows):
    assert grid.shape(count) == (columns, rows)


def test_images_are_in_rows_from_the_left():
    images = [np.full((2, 4, 3), shade, np.uint8) for shade in (10, 20, 30)]
    page = grid.tile_images(images, 2, shade=7)
    assert page.shape == (4, 8, 3)
    assert page.dtype == np.uint8
    corners = [page[0, 0, 0], page[1, 7, 0], page[3, 3, 0], page[2, 4, 0]]
    assert corners == [10, 20, 30, 7]


def test_a_gap_is_between_images_only():
    page = grid.tile_images([np.full((2, 4, 3), 10, np.uint8)] * 3, 2, shade=7, gap=3)
    assert page.shape == (7, 11, 3)
    assert (page[:2, 4:7] == 7).all()
    assert (page[2:5] == 7).all()
    assert (page[5:, :4] == 10).all()
