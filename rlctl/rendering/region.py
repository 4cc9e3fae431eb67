"""Image region that a set of spheres projects to, and a camera cropped to it."""

from typing import NamedTuple

import mujoco
import numpy as np

_MARGIN = 4  # pixels


class Box(NamedTuple):
    """Box in an image, pixels from its lower left corner; `right` and `top` are exclusive."""

    left: int
    bottom: int
    right: int
    top: int

    @property
    def viewport(self) -> mujoco.MjrRect:
        """Viewport of the same size."""
        return mujoco.MjrRect(0, 0, self.right - self.left, self.top - self.bottom)

    @property
    def area(self) -> int:
        """Number of pixels."""
        return (self.right - self.left) * (self.top - self.bottom)


def bounding_box(
    eye: mujoco.MjvGLCamera, centers: np.ndarray, radii: np.ndarray, full: Box
) -> Box | None:
    """Return the box of an image that contains some spheres; None if none is visible.

    The box is conservative: the nearest and farthest point of each sphere are projected.

    Args:
        eye: The camera.
        centers: Centres of the spheres (N, 3), m.
        radii: Radii of the spheres (N,), m.
        full: The whole image, from 0, 0.
    """
    if eye.orthographic:
        return full
    sideward = np.cross(eye.forward, eye.up)
    across, upward, ahead = ((centers - eye.pos) @ np.stack([sideward, eye.up, eye.forward], 1)).T
    visible = ahead + radii > eye.frustum_near
    if not visible.any():
        return None
    unit = full.top / 2 * eye.frustum_near / eye.frustum_top  # pixels per metre at 1 m
    near = unit / np.maximum(ahead - radii, eye.frustum_near)[visible]
    far = unit / (ahead + radii)[visible]
    left, right = _span(across[visible], radii[visible], near, far, full.right)
    bottom, top = _span(upward[visible], radii[visible], near, far, full.top)
    return Box(left, bottom, right, top) if left < right and bottom < top else None


def _span(
    offset: np.ndarray, radii: np.ndarray, near: np.ndarray, far: np.ndarray, pixels: int
) -> tuple[int, int]:
    """Return the pixel range that spheres cover along one side of an image.

    Args:
        offset: Distance of the centres from the optical axis (N,), m.
        radii: Radii (N,), m.
        near: Pixels per metre at the nearest point of each sphere (N,).
        far: Pixels per metre at the farthest point (N,).
        pixels: Length of the side.
    """
    low, high = offset - radii, offset + radii
    low = np.minimum(low * near, low * far).min()
    high = np.maximum(high * near, high * far).max()
    ends = np.array([np.floor(low) - _MARGIN, np.ceil(high) + _MARGIN]) + pixels / 2
    start, end = np.clip(ends, 0, pixels).astype(int).tolist()
    return start, end


def crop_camera(eye: mujoco.MjvGLCamera, part: Box, full: Box) -> None:
    """Narrow the frustum of a camera from the full image to a box in it."""
    low, high = eye.frustum_bottom, eye.frustum_top
    pixel = (high - low) / full.top  # m on the near plane
    eye.frustum_bottom, eye.frustum_top = low + part.bottom * pixel, low + part.top * pixel
    eye.frustum_center += ((part.left + part.right) / 2 - full.right / 2) * pixel
    eye.frustum_width = (part.right - part.left) / 2 * pixel
