"""MJCF to models: the lean one that is stepped, and the one that is drawn.

Both come from the same file, so they have the same joints. Geoms of group 2 are decoration: the
physics leaves them out, and a scene adds sky, light and a floor to look at. Lights and textures
that a file brings are left out of both.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import mujoco

DECORATION = 2  # geom group

SKY = (0.34, 0.48, 0.64), (0.80, 0.85, 0.90)  # zenith, nadir
HAZE = (0.57, 0.66, 0.77, 1.0)  # the sky's color at the horizon
TILES = (0.30, 0.35, 0.41), (0.35, 0.40, 0.47)  # the checker's two colors
LAMP = (1.4, -1.4, 3.48)  # m from the robot, which it follows and points at
FRAMEBUFFER = 1920, 1440  # pixels, the largest picture that can be drawn


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
    floor: float = 0.0,
    cameras: Mapping[str, Mapping[str, Any]] | None = None,
    plane: str = "floor",
    change: Callable[[mujoco.MjSpec], None] = _keep,
) -> mujoco.MjModel:
    """Compile the model that is drawn.

    Args:
        path: An MJCF file.
        floor: Height of an added floor, m.
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
    _add_tiles(spec)
    ground = spec.geom(plane) or spec.worldbody.add_geom(
        name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, pos=[0, 0, floor], contype=0, conaffinity=0
    )
    ground.size = [0, 0, 0.05]  # endless
    fields = [geom for geom in spec.geoms if geom.type == mujoco.mjtGeom.mjGEOM_HFIELD]
    if fields:
        ground.pos[2] -= 0.003  # m, or the two would flicker where both are level
    for geom in (ground, *fields):
        geom.material = "tiles"
        geom.rgba = [0.5, 0.5, 0.5, 1]  # MuJoCo's word for "as the material"
    spec.visual.global_.offwidth, spec.visual.global_.offheight = FRAMEBUFFER
    return _compile(spec)


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
    """A gradient, haze at the horizon, and a lamp that follows the robot."""
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=SKY[0],
        rgb2=SKY[1],
        width=256,
        height=256 * 6,
    )
    spec.visual.rgba.haze = HAZE
    spec.worldbody.first_body().add_light(
        type=mujoco.mjtLightType.mjLIGHT_SPOT,
        mode=mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM,
        pos=LAMP,
        dir=[-component for component in LAMP],
        cutoff=80,
        exponent=2,
        diffuse=[0.62, 0.61, 0.59],
        specular=[0.2, 0.2, 0.2],
    )
    spec.visual.headlight.ambient = [0.38, 0.39, 0.41]
    spec.visual.headlight.diffuse = [0.30, 0.30, 0.30]
    spec.visual.headlight.specular = [0.0, 0.0, 0.0]
    spec.visual.quality.shadowsize = 4096


def _add_tiles(spec: mujoco.MjSpec) -> None:
    spec.add_texture(
        name="tiles",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        mark=mujoco.mjtMark.mjMARK_EDGE,
        rgb1=TILES[0],
        rgb2=TILES[1],
        markrgb=[0.52, 0.57, 0.63],
        width=300,
        height=300,
    )
    material = spec.add_material(name="tiles", texuniform=True, texrepeat=[2, 2], reflectance=0.1)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "tiles"
