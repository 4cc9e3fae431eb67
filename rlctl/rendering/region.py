"""Which part of a picture shows more than floor and sky, to draw that part in full quality."""

from typing import NamedTuple

import mujoco
import numpy as np

_MARGIN = 4  # pixels


class Box(NamedTuple):
    """A part of a picture, in pixels from its lower left corner; `right` and `top` are past it."""

    left: int
    bottom: int
    right: int
    top: int

    @property
    def viewport(self) -> mujoco.MjrRect:
        """A viewport of its size."""
        return mujoco.MjrRect(0, 0, self.right - self.left, self.top - self.bottom)

    @property
    def area(self) -> int:
        """Pixels in it."""
        return (self.right - self.left) * (self.top - self.bottom)


def around(
    eye: mujoco.MjvGLCamera, centers: np.ndarray, radii: np.ndarray, whole: Box
) -> Box | None:
    """The part of a picture that holds some spheres; None if none is in sight.

    Args:
        eye: The camera.
        centers: Of the spheres, (N, 3) m.
        radii: Their radii, (N,) m.
        whole: The picture, from 0, 0.
    """
    if eye.orthographic:
        return whole
    sideward = np.cross(eye.forward, eye.up)
    across, upward, ahead = ((centers - eye.pos) @ np.stack([sideward, eye.up, eye.forward], 1)).T
    seen = ahead + radii > eye.frustum_near
    if not seen.any():
        return None
    unit = whole.top / 2 * eye.frustum_near / eye.frustum_top  # pixels for a metre, a metre away
    near = unit / np.maximum(ahead - radii, eye.frustum_near)[seen]
    far = unit / (ahead + radii)[seen]
    left, right = _span(across[seen], radii[seen], near, far, whole.right)
    bottom, top = _span(upward[seen], radii[seen], near, far, whole.top)
    return Box(left, bottom, right, top) if left < right and bottom < top else None


def _span(
    offset: np.ndarray, radii: np.ndarray, near: np.ndarray, far: np.ndarray, pixels: int
) -> tuple[int, int]:
    """From where to where spheres reach in a picture, along one of its sides.

    Args:
        offset: From the line of sight, (N,) m.
        radii: (N,) m.
        near: Pixels for a metre at the near end of each sphere, (N,).
        far: At its far end.
        pixels: Length of the side.
    """
    low, high = offset - radii, offset + radii
    low = np.minimum(low * near, low * far).min()
    high = np.maximum(high * near, high * far).max()
    ends = np.array([np.floor(low) - _MARGIN, np.ceil(high) + _MARGIN]) + pixels / 2
    start, end = np.clip(ends, 0, pixels).astype(int).tolist()
    return start, end


def look_at(eye: mujoco.MjvGLCamera, part: Box, whole: Box) -> None:
    """Narrow the view of a camera, which shows the whole picture, to a part of it."""
    low, high = eye.frustum_bottom, eye.frustum_top
    pixel = (high - low) / whole.top  # m on the near plane
    eye.frustum_bottom, eye.frustum_top = low + part.bottom * pixel, low + part.top * pixel
    eye.frustum_center += ((part.left + part.right) / 2 - whole.right / 2) * pixel
    eye.frustum_width = (part.right - part.left) / 2 * pixel
