"""Draw the states of a model as pictures, without a window."""

import atexit
import weakref
from collections.abc import Sequence
from functools import partial
from typing import Self

import mujoco
import numpy as np

from rlctl.core.errors import RendererMissing
from rlctl.rendering import gl
from rlctl.rendering.arrows import Arrow
from rlctl.rendering.arrows import draw as add_arrows
from rlctl.rendering.look import FREE

_SAMPLES = 8  # asked for; software drivers give 4
_SHADOWS = 2048  # pixels of the shadow map: half the time of MuJoCo's 4096 in software
_MARGIN = 1.1  # around the robot, in the free camera's picture


def cameras(model: mujoco.MjModel) -> tuple[str, ...]:
    """The names `--camera` takes for a model."""
    named = (model.camera(index).name for index in range(model.ncam))
    return (*(name for name in named if name), FREE)


class Canvas:
    """An open renderer for one model; close it, or use it as a context manager.

    Args:
        model: What is drawn; its offscreen size and quality are set here.
        width: Pixels.
        height: Pixels.
        camera: One of `cameras(model)`; `free` follows the first free-floating body, or looks at
            all that moves where nothing floats.

    Raises:
        RendererMissing: Nothing to draw with.
    """

    def __init__(self, model: mujoco.MjModel, width: int, height: int, camera: str = FREE) -> None:
        self._context = self._renderer = None
        self._camera = _camera(model, camera)
        self.platform = gl.find()
        model.vis.global_.offwidth, model.vis.global_.offheight = width, height
        model.vis.quality.offsamples, model.vis.quality.shadowsize = _SAMPLES, _SHADOWS
        self._model, self._data = model, mujoco.MjData(model)
        self._scene = mujoco.MjvScene(model, maxgeom=10_000)
        self._option = mujoco.MjvOption()
        self._viewport = mujoco.MjrRect(0, 0, width, height)
        self._context = gl.open_context(self.platform, width, height)
        self._at_exit = partial(_close, weakref.ref(self))
        atexit.register(self._at_exit)  # later, the platform's own library is gone
        try:
            self._renderer = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
            mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._renderer)
        except mujoco.FatalError as error:
            self.close()
            raise RendererMissing(
                f"{self.platform} cannot draw {width}x{height}: {error}"
            ) from error

    def draw(self, qpos: np.ndarray, arrows: Sequence[Arrow] = ()) -> np.ndarray:
        """The picture (height, width, 3) uint8 of the positions (nq,), arrows over it."""
        self._context.make_current()  # of several canvases in one process, this one
        self._data.qpos[:] = qpos
        mujoco.mj_forward(self._model, self._data)
        everything = mujoco.mjtCatBit.mjCAT_ALL
        mujoco.mjv_updateScene(
            self._model, self._data, self._option, None, self._camera, everything, self._scene
        )
        add_arrows(self._scene, arrows)
        mujoco.mjr_render(self._viewport, self._scene, self._renderer)
        picture = np.empty((self._viewport.height, self._viewport.width, 3), np.uint8)
        mujoco.mjr_readPixels(picture, None, self._viewport, self._renderer)
        return picture[::-1]  # OpenGL's rows go upwards

    def close(self) -> None:
        """Free the renderer; EGL prints errors at exit where it was not."""
        if self._context is None:
            return
        self._context.make_current()
        if self._renderer is not None:
            self._renderer.free()
        self._context.free()
        self._context = self._renderer = None
        atexit.unregister(self._at_exit)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _close(canvas: weakref.ref[Canvas]) -> None:
    """Close a canvas that is still there."""
    still = canvas()
    if still is not None:
        still.close()


def _camera(model: mujoco.MjModel, name: str) -> mujoco.MjvCamera:
    camera = mujoco.MjvCamera()
    if name == FREE:
        _look_at_robot(model, camera)
    else:
        camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        camera.fixedcamid = model.camera(name).id
    return camera


def _look_at_robot(model: mujoco.MjModel, camera: mujoco.MjvCamera) -> None:
    """Frame what moves: MuJoCo's own default frames the floor, however large it is."""
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    moving = np.flatnonzero(model.body_weldid[model.geom_bodyid] != 0)
    if not moving.size:
        mujoco.mjv_defaultFreeCamera(model, camera)
        return
    places, reach = data.geom_xpos[moving], model.geom_rbound[moving, None]
    low, high = (places - reach).min(axis=0), (places + reach).max(axis=0)
    rails = (model.jnt_type == mujoco.mjtJoint.mjJNT_SLIDE) & (model.jnt_limited != 0)
    travel = np.ptp(model.jnt_range[rails], axis=1).max(initial=0.0)
    radius = np.linalg.norm(high - low) / 2 + travel / 2
    camera.lookat[:] = (low + high) / 2
    camera.distance = _MARGIN * radius / np.sin(np.radians(model.vis.global_.fovy / 2))
    camera.azimuth, camera.elevation = 120.0, -15.0
    floating = np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_FREE)
    if floating.size:
        camera.type = mujoco.mjtCamera.mjCAMERA_TRACKING
        camera.trackbodyid = model.jnt_bodyid[floating[0]]
