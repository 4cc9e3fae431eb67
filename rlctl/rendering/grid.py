"""Grids of images."""

import math
from collections.abc import Sequence

import numpy as np


def shape(count: int) -> tuple[int, int]:
    """Return columns and rows of a nearly square grid for `count` images."""
    columns = math.isqrt(count - 1) + 1
    return columns, math.ceil(count / columns)


def tile_images(
    images: Sequence[np.ndarray], columns: int, shade: int = 0, gap: int = 0
) -> np.ndarray:
    """Arrange images (height, width, 3) uint8 in rows, `gap` pixels apart.

    Gaps and missing cells of the last row have gray level `shade`, 0 (black) to 255.
    """
    height, width = images[0].shape[:2]
    rows = math.ceil(len(images) / columns)
    size = rows * (height + gap) - gap, columns * (width + gap) - gap
    page = np.full((*size, 3), shade, np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        top, left = row * (height + gap), column * (width + gap)
        page[top : top + height, left : left + width] = image
    return page
