"""Arrows over a robot: how it was told to go, and how it goes."""

from collections.abc import Sequence
from typing import NamedTuple

import mujoco
import numpy as np

_REACH = 0.6  # m of arrow for 1 m/s
_WIDTH = 0.016  # m
REACH = 0.06  # m around an arrow's ends, within which all of it is
_LEAST = 0.05  # m/s, below which there is no arrow to see


class Style(NamedTuple):
    """What an arrow looks like: colour (red, green, blue, opacity), and metres over the torso."""

    colour: tuple[float, float, float, float]
    above: float


class Arrow(NamedTuple):
    """From one place to another, (3,) m each."""

    start: np.ndarray
    end: np.ndarray
    style: Style


TOLD = Style((0.05, 0.40, 0.95, 1.0), 0.24)
GOES = Style((1.0, 0.50, 0.05, 1.0), 0.19)


def velocity(qpos: np.ndarray, planar: np.ndarray, style: Style) -> list[Arrow]:
    """The arrow of a velocity, none of one that is next to nothing.

    Args:
        qpos: Positions, those of a floating torso first (7,).
        planar: Forward and leftward velocity (2,), m/s.
        style: The arrow's.
    """
    if np.linalg.norm(planar) < _LEAST:
        return []
    forward = np.zeros(3)
    mujoco.mju_rotVecQuat(forward, np.array([1.0, 0.0, 0.0]), qpos[3:7])
    ahead = forward[:2] / max(np.linalg.norm(forward[:2]), 1e-9)
    left = np.array([-ahead[1], ahead[0]])
    start = qpos[:3] + np.array([0.0, 0.0, style.above])
    end = start + _REACH * np.append(planar[0] * ahead + planar[1] * left, 0.0)
    return [Arrow(start, end, style)]


def draw(scene: mujoco.MjvScene, arrows: Sequence[Arrow]) -> None:
    """Add arrows to a scene."""
    for arrow in arrows:
        geom = scene.geoms[scene.ngeom]
        kind = mujoco.mjtGeom.mjGEOM_ARROW
        colour = np.array(arrow.style.colour, np.float32)
        mujoco.mjv_initGeom(geom, kind, np.zeros(3), np.zeros(3), np.zeros(9), colour)
        mujoco.mjv_connector(geom, kind, _WIDTH, arrow.start, arrow.end)
        scene.ngeom += 1
