"""Compilation of MJCF files: a lean model for the physics, and a scene for rendering.

Both come from the same file, so they have the same joints. Geoms of group 2 are visual only and not
in the physics model. The scene gets its own sky, sunlight and floor; neither model keeps the lights
and textures of the file.
"""

from collections.abc import Callable, Mapping
from copy import copy
from functools import lru_cache
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

DECORATION = 2  # geom group

ZENITH, HORIZON = (0.42, 0.60, 0.86), (0.90, 0.93, 0.97)  # colours of the sky
TILES = (0.60, 0.64, 0.70), (0.67, 0.71, 0.77)  # the two colours of the checker
SUN = (0.42, -0.50, 1.0)  # direction to the light
FRAMEBUFFER = 1920, 1440  # pixels, the largest image that can be rendered
# Lengths below are in radii of the moving geoms, so that scenes of all sizes look alike.
_MIN_RADIUS = 0.2  # m
_SHADOW_RANGE = 1.7, 4.0  # least and greatest distance from the robot of shadows
_MARGIN = 1.1  # shadows reach this factor beyond the fixed geoms
_FAR_PLANE = 90.0  # distance to which the floor is visible


def _unchanged(spec: mujoco.MjSpec) -> None:
    """Leave a spec as it is."""


def compile_physics(
    path: Path, change: Callable[[mujoco.MjSpec], None] = _unchanged
) -> mujoco.MjModel:
    """Compile the physics model; a copy, if the file was compiled before with the same change.

    Args:
        path: MJCF file; visual geoms (group 2) and materials are left out.
        change: Function that edits the spec before.
    """
    saved = path.stat()
    return copy(_compile_physics(path, change, saved.st_mtime_ns, saved.st_size))


@lru_cache(maxsize=16)
def _compile_physics(
    path: Path, change: Callable[[mujoco.MjSpec], None], modified: int, size: int
) -> mujoco.MjModel:
    spec = _read(path)
    change(spec)
    for geom in spec.geoms:
        if geom.group == DECORATION:
            spec.delete(geom)
        else:
            geom.material = ""
    for material in spec.materials:
        spec.delete(material)
    return _compile(spec)


def compile_scene(
    path: Path,
    floor: float | None = None,
    cameras: Mapping[str, Mapping[str, Any]] | None = None,
    plane: str = "floor",
    change: Callable[[mujoco.MjSpec], None] = _unchanged,
) -> mujoco.MjModel:
    """Compile the scene for rendering.

    Args:
        path: MJCF file.
        floor: Height of the floor, m; None for the file's, or 0 if the file has none.
        cameras: Name -> attributes of cameras to add to the world.
        plane: Geom that gets the tile texture, as height fields do; if the file has none of this
            name, a floor is added.
        change: Function that edits the spec before.
    """
    spec = _read(path)
    change(spec)
    for name, camera in (cameras or {}).items():
        spec.worldbody.add_camera(name=name, **camera)
    _add_sky(spec)
    _add_sun(spec)
    _add_tiles(spec)
    ground = spec.geom(plane) or spec.worldbody.add_geom(
        name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, contype=0, conaffinity=0
    )
    if floor is not None:
        ground.pos[2] = floor
    ground.size = [0, 0, 0.05]  # infinite
    fields = [geom for geom in spec.geoms if geom.type == mujoco.mjtGeom.mjGEOM_HFIELD]
    if fields:
        ground.pos[2] -= 0.003  # m, else the two flicker where they coincide
    for geom in (ground, *fields):
        geom.material = "tiles"
        geom.rgba = [0.5, 0.5, 0.5, 1]  # MuJoCo's default, which means "as the material"
    spec.visual.global_.offwidth, spec.visual.global_.offheight = FRAMEBUFFER
    model = _compile(spec)
    _scale(model)
    return model


def moving_bounds(model: mujoco.MjModel) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the bounding box of the moving geoms in qpos0, as two corners (3,); None if none."""
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    moving = np.flatnonzero(model.body_weldid[model.geom_bodyid] != 0)
    if not moving.size:
        return None
    places, reach = data.geom_xpos[moving], model.geom_rbound[moving, None]
    return (places - reach).min(axis=0), (places + reach).max(axis=0)


def _read(path: Path) -> mujoco.MjSpec:
    """Read an MJCF file without its lights, textures and textured materials."""
    spec = mujoco.MjSpec.from_file(str(path))
    textured = [material for material in spec.materials if any(material.textures)]
    names = {material.name for material in textured}
    for geom in spec.geoms:
        if geom.material in names:
            geom.material = ""
    for element in [*textured, *spec.textures, *spec.lights]:
        spec.delete(element)
    return spec


def _compile(spec: mujoco.MjSpec) -> mujoco.MjModel:
    """Compile a spec, and apply its `settotalmass` afterwards.

    MuJoCo deprecates `settotalmass` with a warning, which it also writes to a file. The result is
    the same bit for bit.
    """
    mass, spec.compiler.settotalmass = spec.compiler.settotalmass, -1.0
    model = spec.compile()
    if mass > 0:
        mujoco.mj_setTotalmass(model, mass)
        mujoco.mj_setConst(model, mujoco.MjData(model))
    return model


def _add_sky(spec: mujoco.MjSpec) -> None:
    """Add a gradient sky that ends in the colour of the haze, which hides the floor's edge."""
    side = 64
    rows = np.linspace(1, -1, side)[:, None]  # up to down
    blend = np.clip(rows, 0, 1) ** 0.6
    wall = blend * np.array(ZENITH) + (1 - blend) * np.array(HORIZON)
    walls = np.broadcast_to(wall[:, None], (side, side, 3))
    up, down = np.full((side, side, 3), ZENITH), np.full((side, side, 3), HORIZON)
    faces = np.concatenate([walls, walls, up, down, walls, walls])
    texture = spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        width=side,
        height=6 * side,
        nchannel=3,
    )
    texture.data = (255 * faces).round().astype(np.uint8).tobytes()
    spec.visual.rgba.haze = (*HORIZON, 1.0)
    spec.visual.map.haze = 0.9  # fraction of the far plane's distance


def _add_sun(spec: mujoco.MjSpec) -> None:
    """Add a directional light, whose shadows follow the robot.

    All light on the floor adds up to less than 1. Beyond that OpenGL clips, and more so in a pass
    with all lights than in the passes for shadows.
    """
    body = spec.worldbody.first_body() or spec.worldbody
    body.add_light(
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        mode=mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM,
        pos=[2 * component for component in SUN],  # in radii, see _scale
        dir=[-component for component in SUN],
        diffuse=[0.62, 0.60, 0.56],
        specular=[0.25, 0.25, 0.25],
    )
    spec.visual.headlight.ambient = [0.36, 0.37, 0.39]
    spec.visual.headlight.diffuse = [0.10, 0.10, 0.10]
    spec.visual.headlight.specular = [0.0, 0.0, 0.0]


def _add_tiles(spec: mujoco.MjSpec) -> None:
    spec.add_texture(
        name="tiles",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        mark=mujoco.mjtMark.mjMARK_EDGE,
        rgb1=TILES[0],
        rgb2=TILES[1],
        markrgb=[0.80, 0.84, 0.89],
        width=300,
        height=300,
    )
    material = spec.add_material(name="tiles", texuniform=True, texrepeat=[2, 2], specular=0)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "tiles"


def _scale(model: mujoco.MjModel) -> None:
    """Set light position, shadow range and far plane by the size of the moving geoms."""
    low, high = moving_bounds(model) or (np.zeros(3), np.zeros(3))
    radius = max(_MIN_RADIUS, float(np.linalg.norm(high - low)) / 2)
    for position in (model.light_pos, model.light_pos0, model.light_poscom0):
        position *= radius  # the nearer the light, the finer the shadow map
    model.vis.map.shadowclip = _shadow_range(model, (low + high) / 2, radius) / model.stat.extent
    model.vis.map.zfar = _FAR_PLANE * radius / model.stat.extent


def _shadow_range(model: mujoco.MjModel, center: np.ndarray, radius: float) -> float:
    """Return the range of shadows, m: as far as fixed geoms near the robot.

    Geoms that reach beyond the range would get specks of shadow.
    """
    least, most = (factor * radius for factor in _SHADOW_RANGE)
    solid = ~np.isin(model.geom_type, (mujoco.mjtGeom.mjGEOM_PLANE, mujoco.mjtGeom.mjGEOM_HFIELD))
    fixed = solid & (model.geom_bodyid == 0)
    reach = np.linalg.norm(model.geom_pos[fixed] - center, axis=1) + model.geom_rbound[fixed]
    return float((_MARGIN * reach[_MARGIN * reach < most]).max(initial=least))
