"""MJCF to models: the lean one that is stepped, and the one that is drawn.

Both come from the same file, so they have the same joints. Geoms of group 2 are decoration: the
physics leaves them out. A scene brings its own sky, sunlight and floor; lights and textures of the
file are left out of both models.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

DECORATION = 2  # geom group

ZENITH, HORIZON = (0.42, 0.60, 0.86), (0.90, 0.93, 0.97)  # colours of the sky
TILES = (0.60, 0.64, 0.70), (0.67, 0.71, 0.77)  # the two colours of the checker
SUN = (0.42, -0.50, 1.0)  # where the light comes from, as seen from the robot
FRAMEBUFFER = 1920, 1440  # pixels, the largest picture that can be drawn
_LEAST_RADIUS = 0.2  # m, of what moves
_SHADOWED = 1.7, 4.0  # radii: how far from the robot shadows fall, least and most
_MARGIN = 1.1
_SEEN = 90.0  # radii: how far the floor reaches


def _keep(spec: mujoco.MjSpec) -> None:
    """Change nothing."""


def compile_physics(path: Path, change: Callable[[mujoco.MjSpec], None] = _keep) -> mujoco.MjModel:
    """Compile the model that is stepped.

    Args:
        path: An MJCF file; its geoms of group 2 are left out, and materials with them.
        change: Changes the file's model before.
    """
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
    change: Callable[[mujoco.MjSpec], None] = _keep,
) -> mujoco.MjModel:
    """Compile the model that is drawn.

    Args:
        path: An MJCF file.
        floor: Height of the floor, m; None for that of the file, or 0 for one that is added.
        cameras: Name -> attributes of cameras to add to the world.
        plane: The geom that is given tiles, as height fields are; without it in the file, a floor
            is added.
        change: Changes the file's model before.
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
    ground.size = [0, 0, 0.05]  # endless
    fields = [geom for geom in spec.geoms if geom.type == mujoco.mjtGeom.mjGEOM_HFIELD]
    if fields:
        ground.pos[2] -= 0.003  # m, or the two would flicker where both are level
    for geom in (ground, *fields):
        geom.material = "tiles"
        geom.rgba = [0.5, 0.5, 0.5, 1]  # MuJoCo's word for "as the material"
    spec.visual.global_.offwidth, spec.visual.global_.offheight = FRAMEBUFFER
    model = _compile(spec)
    _scale(model)
    return model


def moving_bounds(model: mujoco.MjModel) -> tuple[np.ndarray, np.ndarray] | None:
    """The lowest and the highest corner (3,) of what moves, in the first pose; None if nothing."""
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    moving = np.flatnonzero(model.body_weldid[model.geom_bodyid] != 0)
    if not moving.size:
        return None
    places, reach = data.geom_xpos[moving], model.geom_rbound[moving, None]
    return (places - reach).min(axis=0), (places + reach).max(axis=0)


def _read(path: Path) -> mujoco.MjSpec:
    """An MJCF file without its own lights and textures, nor the materials that show them."""
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
    """Compile; a total mass that the file asks for is set after, as MuJoCo now wants it.

    The result is the same, bit for bit, without a warning that MuJoCo would also write to a file.
    """
    mass, spec.compiler.settotalmass = spec.compiler.settotalmass, -1.0
    model = spec.compile()
    if mass > 0:
        mujoco.mj_setTotalmass(model, mass)
        mujoco.mj_setConst(model, mujoco.MjData(model))
    return model


def _add_sky(spec: mujoco.MjSpec) -> None:
    """A gradient that ends in the colour of the haze, which hides where the floor ends."""
    side = 64
    rows = np.linspace(1, -1, side)[:, None]  # up to down
    share = np.clip(rows, 0, 1) ** 0.6
    wall = share * np.array(ZENITH) + (1 - share) * np.array(HORIZON)
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
    spec.visual.map.haze = 0.9  # of the way to where the floor ends


def _add_sun(spec: mujoco.MjSpec) -> None:
    """Light from one direction everywhere; its shadows follow the robot.

    All light on the floor adds up to less than 1, where OpenGL would cut it off: sooner where it
    draws all of it at once than where it draws shadows.
    """
    body = spec.worldbody.first_body() or spec.worldbody
    body.add_light(
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        mode=mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM,
        pos=[2 * component for component in SUN],  # radii of what moves, see _scale
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
    """Set how far shadows and sight reach by the size of what moves."""
    low, high = moving_bounds(model) or (np.zeros(3), np.zeros(3))
    radius = max(_LEAST_RADIUS, float(np.linalg.norm(high - low)) / 2)
    for places in (model.light_pos, model.light_pos0, model.light_poscom0):
        places *= radius  # shadows are the finer, the nearer
    model.vis.map.shadowclip = _shadowed(model, (low + high) / 2, radius) / model.stat.extent
    model.vis.map.zfar = _SEEN * radius / model.stat.extent


def _shadowed(model: mujoco.MjModel, center: np.ndarray, radius: float) -> float:
    """How far shadows fall, m: as far as fixed things near the robot, which have specks beyond."""
    least, most = (factor * radius for factor in _SHADOWED)
    solid = ~np.isin(model.geom_type, (mujoco.mjtGeom.mjGEOM_PLANE, mujoco.mjtGeom.mjGEOM_HFIELD))
    fixed = solid & (model.geom_bodyid == 0)
    reach = np.linalg.norm(model.geom_pos[fixed] - center, axis=1) + model.geom_rbound[fixed]
    return float((_MARGIN * reach[_MARGIN * reach < most]).max(initial=least))
