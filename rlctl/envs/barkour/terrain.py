"""The ground under Barkour: a plane, and hills in the middle of it.

Between its points the field is what MuJoCo collides with: two triangles a cell, on either side of
the diagonal from the corner of least x and y.
"""

import jax
import jax.numpy as jnp
import mujoco
import numpy as np

from rlctl.envs.barkour.config import BarkourConfig

HALF_WIDTH = 10.0  # m, of the field, as in the tutorial
START = 8.0  # m from its middle along x and y, the farthest an episode starts
EDGE = 1.0  # m, over which the hills fall to the plane
POINTS = 201  # of the field, along x and along y
CELL = 2.0 * HALF_WIDTH / (POINTS - 1)  # m from point to point
BASE = 0.1  # m of ground below the plane

SEED, WAVES = 1, 40
WAVELENGTH = 0.6, 1.2  # m, shortest and longest

FOOT_RADIUS = 0.0175  # m


class Flat:
    """The plane at height 0."""

    def add(self, spec: mujoco.MjSpec) -> None:
        """Add to a model what it has besides the plane."""

    def start(self, key: jax.Array, stance: jax.Array) -> jax.Array:
        """Where an episode starts: x, y, and how much the ground lifts a robot there, m: (3,).

        The robot's feet are at stance (4, 2) from its torso, m.
        """
        return jnp.zeros(3)

    def height(self, point: jax.Array) -> jax.Array:
        """How high a point (3,) is above the ground below it, m."""
        return point[2]

    def distances(self, points: jax.Array) -> jax.Array:
        """How far points (n, 3) close to the ground are from it, square to its slope, m: (n,)."""
        return points[:, 2]


class Hills(Flat):
    """Hills that begin at the plane.

    Args:
        peak: Height of the highest, m.

    Attributes:
        heights: (POINTS, POINTS) at the field's points, in rows of y, m.
    """

    def __init__(self, peak: float) -> None:
        self._peak = peak
        self._shape = _waves()
        self.heights = self._shape * np.float32(peak)
        steepest = max(abs(np.diff(self.heights, axis=axis)).max() for axis in (0, 1)) / CELL
        # A sphere whose centre is this much above its radius is clear of slopes beside it, too.
        self._room = FOOT_RADIUS * (np.hypot(1.0, np.sqrt(2.0) * steepest) - 1.0)

    def add(self, spec: mujoco.MjSpec) -> None:
        size = [HALF_WIDTH, HALF_WIDTH, self._peak, BASE]
        spec.add_hfield(
            name="hills", size=size, nrow=POINTS, ncol=POINTS, userdata=self._shape.ravel()
        )
        spec.worldbody.add_geom(name="hills", type=mujoco.mjtGeom.mjGEOM_HFIELD, hfieldname="hills")

    def start(self, key: jax.Array, stance: jax.Array) -> jax.Array:
        place = jax.random.uniform(key, (2,), minval=-START, maxval=START)
        below, _ = jax.vmap(self._ground)(place[None] + stance)
        return jnp.append(place, jnp.max(below) + self._room)

    def height(self, point: jax.Array) -> jax.Array:
        below, _ = self._ground(point[:2])
        return point[2] - below

    def distances(self, points: jax.Array) -> jax.Array:
        below, upright = jax.vmap(self._ground)(points[:, :2])
        return (points[:, 2] - below) * upright

    def _ground(self, place: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Height below a place (2,), m, and the cosine of its slope."""
        # Beyond the field all is as on its edge, where the outermost cells are level.
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


def ground(config: BarkourConfig) -> Flat:
    """What the settings ask for."""
    return Hills(config.terrain_height) if config.terrain == "hills" else Flat()


def _waves() -> np.ndarray:
    """Hills as a sum of waves in all directions: (POINTS, POINTS) float32, 0 to 1."""
    rng = np.random.default_rng(SEED)
    lengths = rng.uniform(*WAVELENGTH, WAVES)
    angles, phases = rng.uniform(0.0, 2.0 * np.pi, (2, WAVES))
    axis = np.linspace(-HALF_WIDTH, HALF_WIDTH, POINTS)
    x, y = np.meshgrid(axis, axis)
    total = np.zeros_like(x)
    for length, angle, phase in zip(lengths, angles, phases, strict=True):
        distance = np.cos(angle) * x + np.sin(angle) * y
        total += np.sin(2 * np.pi * distance / length + phase)
    hills = 1.0 + np.tanh(total / total.std())  # all heights about as frequent
    inwards = np.clip((HALF_WIDTH - CELL - abs(axis)) / EDGE, 0.0, 1.0)
    rise = inwards**2 * (3.0 - 2.0 * inwards)
    hills *= rise * rise[:, None]
    return (hills / hills.max()).astype(np.float32)
