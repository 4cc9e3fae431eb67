"""Terrain under Barkour: a plane, or a plane with a field of hills in the middle.

Between its points the height field is interpolated as MuJoCo's collisions do: two triangles per
cell, divided by the diagonal from the corner of least x and y.
"""

from functools import cache

import jax
import jax.numpy as jnp
import mujoco
import numpy as np

from rlctl.envs.barkour.config import BarkourConfig
from rlctl.physics.base import ArrayLike

HALF_WIDTH = 10.0  # m, of the field, as in the tutorial
START = 8.0  # m, episodes start at most this far from the middle along x and y
EDGE = 1.0  # m, width of the margin in which the hills fall to the plane
POINTS = 201  # of the field, along each axis
CELL = 2.0 * HALF_WIDTH / (POINTS - 1)  # m from point to point
BASE = 0.1  # m, thickness of the field below the plane

SEED, WAVES = 1, 40
WAVELENGTH = 0.6, 1.2  # m, shortest and longest

FOOT_RADIUS = 0.0175  # m


class Flat:
    """The plane at height 0."""

    def add(self, spec: mujoco.MjSpec) -> None:
        """Add the terrain to a spec that has the plane."""

    def start(self, key: jax.Array, stance: ArrayLike) -> jax.Array:
        """Sample where an episode starts: x, y, and the height of the ground there, (3,) m.

        The height is such that feet at stance (4, 2) m from the torso are above the ground.
        """
        return jnp.zeros(3)

    def height(self, point: jax.Array) -> jax.Array:
        """Return the height of a point (3,) above the ground, m."""
        return point[2]

    def distances(self, points: jax.Array) -> jax.Array:
        """Return distances (n,) of points (n, 3) near the ground, perpendicular to it, m."""
        return points[:, 2]


class Hills(Flat):
    """Hills above the plane.

    Args:
        peak: Height of the highest hill, m.

    Attributes:
        heights: (POINTS, POINTS) of the field, rows along y, m.
    """

    def __init__(self, peak: float) -> None:
        self._peak = peak
        self._shape = _waves()
        self.heights = self._shape * np.float32(peak)
        steepest = max(abs(np.diff(self.heights, axis=axis)).max() for axis in (0, 1)) / CELL
        # Extra height at which a foot, a sphere, does not touch the slopes beside it either.
        self._clearance = FOOT_RADIUS * (np.hypot(1.0, np.sqrt(2.0) * steepest) - 1.0)

    def add(self, spec: mujoco.MjSpec) -> None:
        size = [HALF_WIDTH, HALF_WIDTH, self._peak, BASE]
        spec.add_hfield(
            name="hills", size=size, nrow=POINTS, ncol=POINTS, userdata=self._shape.ravel()
        )
        spec.worldbody.add_geom(name="hills", type=mujoco.mjtGeom.mjGEOM_HFIELD, hfieldname="hills")

    def start(self, key: jax.Array, stance: ArrayLike) -> jax.Array:
        place = jax.random.uniform(key, (2,), minval=-START, maxval=START)
        below, _ = jax.vmap(self._ground)(place[None] + stance)
        return jnp.append(place, jnp.max(below) + self._clearance)

    def height(self, point: jax.Array) -> jax.Array:
        below, _ = self._ground(point[:2])
        return point[2] - below

    def distances(self, points: jax.Array) -> jax.Array:
        below, upright = jax.vmap(self._ground)(points[:, :2])
        return (points[:, 2] - below) * upright

    def _ground(self, place: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the ground's height at a place (2,), m, and the cosine of its slope."""
        # Beyond the field use its edge, where the outermost cells are level.
        at = jnp.clip((place + HALF_WIDTH) / CELL, 0.0, POINTS - 1.0)
        corner = jnp.minimum(jnp.floor(at), POINTS - 2.0)
        (u, v), (column, row) = at - corner, corner.astype(jnp.int32)
        heights = jnp.asarray(self.heights)
        here, east = heights[row, column], heights[row, column + 1]
        north, opposite = heights[row + 1, column], heights[row + 1, column + 1]
        along_x = jnp.where(u > v, east - here, opposite - north)
        along_y = jnp.where(u > v, opposite - east, north - here)
        steep = jnp.square(along_x / CELL) + jnp.square(along_y / CELL)
        return here + u * along_x + v * along_y, jax.lax.rsqrt(1.0 + steep)


def make_terrain(config: BarkourConfig) -> Flat:
    """Make the terrain of the settings."""
    return _terrain(config.terrain, config.terrain_height)


@cache  # equal terrains are one object, so their models are compiled once
def _terrain(kind: str, peak: float) -> Flat:
    return Hills(peak) if kind == "hills" else Flat()


def _waves() -> np.ndarray:
    """Sum waves in random directions to hills: (POINTS, POINTS) float32, 0 to 1."""
    rng = np.random.default_rng(SEED)
    lengths = rng.uniform(*WAVELENGTH, WAVES)
    angles, phases = rng.uniform(0.0, 2.0 * np.pi, (2, WAVES))
    axis = np.linspace(-HALF_WIDTH, HALF_WIDTH, POINTS)
    x, y = np.meshgrid(axis, axis)
    total = np.zeros_like(x)
    for length, angle, phase in zip(lengths, angles, phases, strict=True):
        distance = np.cos(angle) * x + np.sin(angle) * y
        total += np.sin(2 * np.pi * distance / length + phase)
    hills = 1.0 + np.tanh(total / total.std())  # roughly uniform heights
    inwards = np.clip((HALF_WIDTH - CELL - abs(axis)) / EDGE, 0.0, 1.0)
    rise = inwards**2 * (3.0 - 2.0 * inwards)
    hills *= rise * rise[:, None]
    return (hills / hills.max()).astype(np.float32)
