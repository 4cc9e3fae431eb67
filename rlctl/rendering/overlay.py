"""Text overlays that are readable on any background."""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_BACKGROUND = np.array([16, 22, 32], np.uint8)  # RGB of the box behind the text
_OPACITY = 0.7  # of that box
_TEXT = 255  # gray level
_HEADING_SECONDS = 3.0
_MIN_FONT, _LINES_PER_IMAGE = 10, 30  # font size: 1/30 of the shorter side, at least 10 pixels


def caption(image: np.ndarray, text: str, low: bool = False) -> np.ndarray:
    """Return a copy of an image (height, width, 3) with text in its upper (or lower) left corner.

    The font grows with the image, so that the text stays readable when the video is scaled.
    """
    result = image.copy()
    height, width = image.shape[:2]
    size = max(_MIN_FONT, min(height, width) // _LINES_PER_IMAGE)
    letters = _rasterize(text, size)
    margin = size // 2
    letters = letters[: height - margin, : width - margin]
    rows, columns = letters.shape
    top = height - margin - rows if low else margin
    part = result[top : top + rows, margin : margin + columns]
    box = (1 - _OPACITY) * part + _OPACITY * _BACKGROUND
    alpha = letters[..., None] / 255.0
    part[:] = (1 - alpha) * box + alpha * _TEXT
    return result


def with_heading(image: np.ndarray, heading: str, seconds: float) -> np.ndarray:
    """Write a heading into the lower left corner during the first 3 seconds of a video."""
    return caption(image, heading, low=True) if heading and seconds < _HEADING_SECONDS else image


def _rasterize(text: str, size: int) -> np.ndarray:
    """Return white text, `size` pixels high, on black with a margin: (height, width) uint8."""
    font, pad = _font(size), size // 2
    pen = ImageDraw.Draw(Image.new("L", (1, 1)))
    _, _, right, bottom = pen.multiline_textbbox((0, 0), text, font=font, spacing=size // 3)
    # Round the width up, or the box would change its width with every digit.
    width = size * -(-int(right) // size) + 2 * pad
    page = Image.new("L", (width, int(bottom) + 2 * pad))
    pen = ImageDraw.Draw(page)
    pen.multiline_text((pad, pad - size // 8), text, font=font, fill=255, spacing=size // 3)
    return np.asarray(page)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)
