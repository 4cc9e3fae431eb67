"""Cameras of a scene, including `free`, which frames the robot and follows it."""

import mujoco
import numpy as np

from rlctl.envs.scene import moving_bounds
from rlctl.rendering.options import FREE

_MARGIN = 1.1  # radius of the free camera's view over the radius of the robot
_AZIMUTH, _ELEVATION = 120.0, -12.0  # degrees


def cameras(model: mujoco.MjModel) -> tuple[str, ...]:
    """Return the camera names that `--camera` accepts for a model."""
    named = (model.camera(index).name for index in range(model.ncam))
    return (*(name for name in named if name), FREE)


def camera_of(model: mujoco.MjModel, name: str) -> mujoco.MjvCamera:
    """Return a camera by its name, one of `cameras(model)`.

    `free` frames all moving bodies and follows the first body with a free or an
    unlimited slide joint.
    """
    camera = mujoco.MjvCamera()
    if name == FREE:
        _frame_robot(model, camera)
    else:
        camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        camera.fixedcamid = model.camera(name).id
    return camera


def _frame_robot(model: mujoco.MjModel, camera: mujoco.MjvCamera) -> None:
    """Frame the moving bodies; MuJoCo's default camera frames the whole floor."""
    bounds = moving_bounds(model)
    if bounds is None:
        mujoco.mjv_defaultFreeCamera(model, camera)
        return
    low, high = bounds
    slides = model.jnt_type == mujoco.mjtJoint.mjJNT_SLIDE
    limited = model.jnt_limited != 0
    travel = np.ptp(model.jnt_range[slides & limited], axis=1).max(initial=0.0)
    radius = np.linalg.norm(high - low) / 2 + travel / 2
    camera.lookat[:] = (low + high) / 2
    camera.distance = _MARGIN * radius / np.sin(np.radians(model.vis.global_.fovy / 2))
    camera.azimuth, camera.elevation = _AZIMUTH, _ELEVATION
    free = (model.jnt_type == mujoco.mjtJoint.mjJNT_FREE) | (slides & ~limited)
    if free.any():
        camera.type = mujoco.mjtCamera.mjCAMERA_TRACKING
        camera.trackbodyid = model.jnt_bodyid[np.argmax(free)]
