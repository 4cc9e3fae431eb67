"""Conversion of rendered Gymnasium frames to RGB images."""

from typing import Any

import numpy as np


def to_rgb(frame: Any) -> np.ndarray:
    """Convert a frame to (height, width, 3) uint8.

    Args:
        frame: Whole numbers from 0 to 255 of any integer type: (height, width), or with a last axis
            of 1 (grey), 3 (RGB) or 4 (RGBA, whose alpha is dropped).

    Raises:
        ValueError: The frame has another type, shape or range.
    """
    if not isinstance(frame, np.ndarray):
        raise ValueError(f"render gave {type(frame).__name__}, not an array")
    given = f"render gave an array of shape {frame.shape} and dtype {frame.dtype}"
    channels = frame[..., None] if frame.ndim == 2 else frame
    if channels.ndim != 3 or channels.shape[2] not in (1, 3, 4) or not channels.size:
        raise ValueError(f"{given}, not (height, width, 3)")
    if frame.dtype.kind not in "iu":
        raise ValueError(f"{given}, not whole numbers from 0 to 255 (uint8)")
    if frame.min() < 0 or frame.max() > 255:
        raise ValueError(f"{given}, of {frame.min()} to {frame.max()} rather than 0 to 255")
    colours = np.repeat(channels, 3, axis=2) if channels.shape[2] == 1 else channels[..., :3]
    return np.ascontiguousarray(colours, np.uint8)
