"""Text on a picture, readable on any background."""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_PAPER = np.array([16, 22, 32], np.uint8)
_COVER = 0.7  # of the picture behind the paper
_INK = 255
_HEADED = 3.0  # s
_LEAST, _PER_HEIGHT = 10, 30  # pixels of a letter, and how many of them make a picture's height


def caption(picture: np.ndarray, text: str, low: bool = False) -> np.ndarray:
    """Write `text` into the upper left corner, or the lower left: (height, width, 3), a new array.

    The letters grow with the picture, so that they stay readable when it is scaled.
    """
    written = picture.copy()
    height, width = picture.shape[:2]
    size = max(_LEAST, min(height, width) // _PER_HEIGHT)
    letters = _letters(text, size)
    margin = size // 2
    letters = letters[: height - margin, : width - margin]
    rows, columns = letters.shape
    top = height - margin - rows if low else margin
    part = written[top : top + rows, margin : margin + columns]
    paper = (1 - _COVER) * part + _COVER * _PAPER
    share = letters[..., None] / 255.0
    part[:] = (1 - share) * paper + share * _INK
    return written


def headed(picture: np.ndarray, heading: str, seconds: float) -> np.ndarray:
    """Write a heading into the lower left corner in the first seconds of a film."""
    return caption(picture, heading, low=True) if heading and seconds < _HEADED else picture


def _letters(text: str, size: int) -> np.ndarray:
    """White letters `size` pixels high on black, with a margin: (height, width) uint8."""
    font, pad = _font(size), size // 2
    pen = ImageDraw.Draw(Image.new("L", (1, 1)))
    _, _, right, bottom = pen.multiline_textbbox((0, 0), text, font=font, spacing=size // 3)
    width = size * -(-int(right) // size) + 2 * pad  # so that the box does not tremble
    page = Image.new("L", (width, int(bottom) + 2 * pad))
    pen = ImageDraw.Draw(page)
    pen.multiline_text((pad, pad - size // 8), text, font=font, fill=255, spacing=size // 3)
    return np.asarray(page)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)
