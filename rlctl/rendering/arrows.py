"""Velocity arrows over a robot: the commanded velocity and the actual one."""

from collections.abc import Sequence
from typing import NamedTuple

import mujoco
import numpy as np

_LENGTH = 0.6  # m of arrow per m/s
_WIDTH = 0.016  # m
END_RADIUS = 0.06  # m; spheres of this radius around both ends enclose the whole arrow
_MIN_SPEED = 0.05  # m/s; slower velocities get no arrow


class Style(NamedTuple):
    """Appearance of an arrow: RGBA colour, 0 to 1, and height above the torso in metres."""

    colour: tuple[float, float, float, float]
    height: float


class Arrow(NamedTuple):
    """An arrow from `start` to `end`, world positions (3,) in metres."""

    start: np.ndarray
    end: np.ndarray
    style: Style


COMMANDED = Style((0.05, 0.40, 0.95, 1.0), 0.24)
ACTUAL = Style((1.0, 0.50, 0.05, 1.0), 0.19)


def velocity_arrows(qpos: np.ndarray, velocity: np.ndarray, style: Style) -> list[Arrow]:
    """Return the arrow of a planar velocity in the heading frame; none below 0.05 m/s.

    Args:
        qpos: Positions (nq,); the first 7 are the pose of a floating torso.
        velocity: Forward and leftward velocity (2,), m/s.
        style: Appearance of the arrow.
    """
    if np.linalg.norm(velocity) < _MIN_SPEED:
        return []
    forward = np.zeros(3)
    mujoco.mju_rotVecQuat(forward, np.array([1.0, 0.0, 0.0]), qpos[3:7])
    # The arrow stays level when the robot pitches: only the heading of the torso counts.
    ahead = forward[:2] / max(np.linalg.norm(forward[:2]), 1e-9)
    left = np.array([-ahead[1], ahead[0]])
    start = qpos[:3] + np.array([0.0, 0.0, style.height])
    end = start + _LENGTH * np.append(velocity[0] * ahead + velocity[1] * left, 0.0)
    return [Arrow(start, end, style)]


def add_arrows(scene: mujoco.MjvScene, arrows: Sequence[Arrow]) -> None:
    """Append arrows to the geoms of a scene."""
    for arrow in arrows:
        geom = scene.geoms[scene.ngeom]
        kind = mujoco.mjtGeom.mjGEOM_ARROW
        colour = np.array(arrow.style.colour, np.float32)
        mujoco.mjv_initGeom(geom, kind, np.zeros(3), np.zeros(3), np.zeros(9), colour)
        mujoco.mjv_connector(geom, kind, _WIDTH, arrow.start, arrow.end)
        scene.ngeom += 1
