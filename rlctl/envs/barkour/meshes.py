"""Visual meshes of the robot from MuJoCo Menagerie, if installed.

Only the rendering differs: bodies, joints and masses are those of the scene with simple shapes.
"""

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import mujoco

from rlctl.core.errors import Damaged, NotFound
from rlctl.envs.scene import DECORATION, compile_scene

ROBOT = "google_barkour_vb"  # folder in Menagerie
MODEL = "barkour_vb_mjx.xml"
HIDDEN = 3  # a geom group that is not rendered
HINT = (
    f"MENAGERIE_ROOT must be the folder of mujoco_menagerie that contains {ROBOT}; "
    "unset it to render simple shapes"
)


def scene(path: Path, add: Callable[[mujoco.MjSpec], None]) -> mujoco.MjModel:
    """Compile the scene of an MJCF file, with Menagerie's meshes if available.

    Args:
        path: MJCF file.
        add: Function that adds the terrain to the spec.

    Raises:
        NotFound: MENAGERIE_ROOT is set, and a file is missing there.
        Damaged: One of Menagerie's files is not valid.
    """
    folder = _folder()
    if folder is None:
        return compile_scene(path, change=add)

    def change(spec: mujoco.MjSpec) -> None:
        add(spec)
        _replace_visuals(spec, folder)

    try:
        return compile_scene(path, change=change)
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise Damaged(f"the robot of {folder} cannot be rendered: {reason}", HINT) from error


def _folder() -> Path | None:
    """Return Menagerie's folder of the robot: below MENAGERIE_ROOT, else in the package's cache.

    The package mujoco-menagerie can download models. Nothing is downloaded here.
    """
    if root := os.environ.get("MENAGERIE_ROOT"):
        return Path(root) / ROBOT
    if not find_spec("mujoco_menagerie"):
        return None
    import mujoco_menagerie  # pyright: ignore[reportMissingImports] - optional

    robot, cache = mujoco_menagerie.get(ROBOT), mujoco_menagerie.Cache()
    return cache.model_path(robot) if cache.is_cached(robot) else None


def _replace_visuals(spec: mujoco.MjSpec, folder: Path) -> None:
    """Replace visual geoms by meshes, and hide the collision geoms of the feet."""
    original = mujoco.MjSpec.from_file(str(_existing(folder / MODEL)))
    for geom in spec.geoms:
        if geom.group == DECORATION:
            spec.delete(geom)
        elif geom.name.startswith("foot"):
            geom.group = HIDDEN
    for mesh in original.meshes:
        spec.add_mesh(name=mesh.name, file=str(_existing(folder / mesh.file)), scale=mesh.scale)
    for geom in original.geoms:
        if geom.type != mujoco.mjtGeom.mjGEOM_MESH:
            continue
        body = spec.body(geom.parent.name)
        if body is None:
            raise ValueError(f"{MODEL} has an unknown body {geom.parent.name}")
        body.add_geom(
            type=geom.type,
            meshname=geom.meshname,
            pos=geom.pos,
            quat=geom.quat,
            rgba=geom.rgba,
            group=DECORATION,
            contype=0,
            conaffinity=0,
            mass=0,
        )


def _existing(path: Path) -> Path:
    """Return the absolute path of a file: MuJoCo resolves relative ones against rlctl's MJCF."""
    if not path.is_file():
        raise NotFound(f"there is no {path}", HINT)
    return path.absolute()
