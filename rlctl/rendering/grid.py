"""Several pictures as one."""

import math
from collections.abc import Sequence

import numpy as np


def shape(count: int) -> tuple[int, int]:
    """Columns and rows of a grid for so many pictures, as square as can be."""
    columns = math.isqrt(count - 1) + 1
    return columns, math.ceil(count / columns)


def tiled(pictures: Sequence[np.ndarray], columns: int, shade: int = 0, gap: int = 0) -> np.ndarray:
    """Pictures (height, width, 3) uint8 in rows, `gap` pixels apart.

    Between them and where the last row ends is `shade`, from 0 (black) to 255.
    """
    height, width = pictures[0].shape[:2]
    rows = math.ceil(len(pictures) / columns)
    size = rows * (height + gap) - gap, columns * (width + gap) - gap
    page = np.full((*size, 3), shade, np.uint8)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        top, left = row * (height + gap), column * (width + gap)
        page[top : top + height, left : left + width] = picture
    return page
