"""Text on a picture, readable on any background."""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_PAPER = (0, 0, 0, 170)
_INK = (255, 255, 255, 255)


def caption(picture: np.ndarray, text: str) -> np.ndarray:
    """Write `text` into the upper left corner: (height, width, 3) uint8, a new array.

    The letters grow with the picture, so that they stay readable when it is scaled.
    """
    height, width = picture.shape[:2]
    size = max(12, min(height, width) // 26)
    font, pad = _font(size), size // 2
    page = Image.fromarray(picture).convert("RGBA")
    ink = Image.new("RGBA", page.size)
    pen = ImageDraw.Draw(ink)
    left, top, right, bottom = pen.multiline_textbbox((2 * pad, 1.5 * pad), text, font=font)
    right = left + size * -(-(right - left) // size)  # so that the box does not tremble
    box = (left - pad, top - 0.7 * pad, right + pad, bottom + 0.7 * pad)
    pen.rounded_rectangle(box, radius=pad, fill=_PAPER)
    pen.multiline_text((2 * pad, 1.5 * pad), text, font=font, fill=_INK)
    return np.asarray(Image.alpha_composite(page, ink).convert("RGB"))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)
