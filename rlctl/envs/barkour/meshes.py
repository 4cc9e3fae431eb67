"""The robot's own meshes, to draw it with: those of MuJoCo Menagerie, where they are at hand.

Only the picture differs: bodies, joints and masses are those of the scene with simple shapes.
"""

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import mujoco

from rlctl.core.errors import Damaged, NotFound
from rlctl.envs.scene import DECORATION, compile_scene

ROBOT = "google_barkour_vb"  # its folder in Menagerie
MODEL = "barkour_vb_mjx.xml"
HIDDEN = 3  # a geom group that is not drawn
HINT = (
    f"MENAGERIE_ROOT is the folder of mujoco_menagerie, with {ROBOT} in it; "
    "without that variable simple shapes are drawn"
)


def scene(path: Path, add: Callable[[mujoco.MjSpec], None]) -> mujoco.MjModel:
    """Compile the scene of an MJCF file, drawn with meshes where there are any.

    Args:
        path: The file.
        add: Adds to it what else is drawn.

    Raises:
        NotFound: MENAGERIE_ROOT is set, and a file is missing there.
        Damaged: One of the files is not what it should be.
    """
    folder = _folder()
    if folder is None:
        return compile_scene(path, change=add)

    def change(spec: mujoco.MjSpec) -> None:
        add(spec)
        _dress(spec, folder)

    try:
        return compile_scene(path, change=change)
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise Damaged(f"the robot of {folder} cannot be drawn: {reason}", HINT) from error


def _folder() -> Path | None:
    """Menagerie's folder of the robot: below MENAGERIE_ROOT, else in the package's cache.

    The package mujoco-menagerie downloads when asked to; nothing is downloaded here.
    """
    if root := os.environ.get("MENAGERIE_ROOT"):
        return Path(root) / ROBOT
    if not find_spec("mujoco_menagerie"):
        return None
    import mujoco_menagerie

    robot, cache = mujoco_menagerie.get(ROBOT), mujoco_menagerie.Cache()
    return cache.model_path(robot) if cache.is_cached(robot) else None


def _dress(spec: mujoco.MjSpec, folder: Path) -> None:
    """Exchange the shapes that are only drawn for meshes, and hide the feet inside these."""
    original = mujoco.MjSpec.from_file(str(_there(folder / MODEL)))
    for geom in spec.geoms:
        if geom.group == DECORATION:
            spec.delete(geom)
        elif geom.name.startswith("foot"):
            geom.group = HIDDEN
    for mesh in original.meshes:
        spec.add_mesh(name=mesh.name, file=str(_there(folder / mesh.file)), scale=mesh.scale)
    for geom in original.geoms:
        if geom.type != mujoco.mjtGeom.mjGEOM_MESH:
            continue
        body = spec.body(geom.parent.name)
        if body is None:
            raise ValueError(f"{MODEL} has a body {geom.parent.name}, which it should not")
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


def _there(path: Path) -> Path:
    """The file, named from the root: MuJoCo looks for others beside our own model."""
    if not path.is_file():
        raise NotFound(f"there is no {path}", HINT)
    return path.absolute()
