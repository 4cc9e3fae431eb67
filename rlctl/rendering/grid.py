"""Several pictures as one."""

import math
from collections.abc import Sequence

import numpy as np


def shape(count: int) -> tuple[int, int]:
    """Columns and rows of a grid for so many pictures, as square as can be."""
    columns = math.isqrt(count - 1) + 1
    return columns, math.ceil(count / columns)


def tiled(pictures: Sequence[np.ndarray], columns: int, shade: int = 0) -> np.ndarray:
    """Pictures (height, width, 3) uint8 in rows, `shade` where the last row ends."""
    height, width = pictures[0].shape[:2]
    rows = math.ceil(len(pictures) / columns)
    page = np.full((rows * height, columns * width, 3), shade, np.uint8)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        page[row * height : (row + 1) * height, column * width : (column + 1) * width] = picture
    return page
