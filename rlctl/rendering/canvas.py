"""Draw the states of a model as pictures, without a window."""

import atexit
import weakref
from collections.abc import Sequence
from functools import partial
from typing import Self

import mujoco
import numpy as np

from rlctl.core.errors import RendererMissing
from rlctl.rendering import gl, region
from rlctl.rendering.arrows import REACH, Arrow
from rlctl.rendering.arrows import draw as add_arrows
from rlctl.rendering.options import FREE
from rlctl.rendering.views import camera_of

_SAMPLES = 4  # for a pixel, where there is more than floor and sky
_SHADOWS = 1024  # pixels of the shadow map, which is no larger than the robot needs
_MOST = 0.6  # of the picture, above which all of it is drawn in full quality
_ROUND = 20, 10  # edges of what is round, across and along: most of a frame's time goes there
_STEP = 64  # pixels, in which the buffer for full quality grows
_SHOWN = 3  # geom groups from here on are not drawn
_SUN = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
_GROUND = (mujoco.mjtGeom.mjGEOM_PLANE, mujoco.mjtGeom.mjGEOM_HFIELD)


class Canvas:
    """An open renderer for one model; close it, or use it as a context manager.

    What is costly to draw, smooth edges and shadows, is drawn in the part of the picture that has
    any: a picture of floor and sky without them, then that part again over it.

    Args:
        model: What is drawn; its offscreen size and quality are set here.
        width: Pixels.
        height: Pixels.
        camera: One of `views.cameras(model)`.

    Raises:
        RendererMissing: Nothing to draw with.
    """

    def __init__(self, model: mujoco.MjModel, width: int, height: int, camera: str = FREE) -> None:
        self._context, self._renderers = None, []
        self._camera = camera_of(model, camera)
        self.platform = gl.find()
        model.vis.global_.offwidth, model.vis.global_.offheight = width, height
        quality = model.vis.quality
        quality.shadowsize, quality.numquads = _SHADOWS, 1
        quality.numslices, quality.numstacks = _ROUND
        self._model, self._data = model, mujoco.MjData(model)
        self._scene = mujoco.MjvScene(model, maxgeom=10_000)
        self._option = mujoco.MjvOption()
        self._whole = region.Box(0, 0, width, height)
        self._planes = np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE)
        self._solid = np.flatnonzero(
            ~np.isin(model.geom_type, _GROUND) & (model.geom_group < _SHOWN)
        )
        self._radii = model.geom_rbound[self._solid]
        self._view: tuple[float, ...] = ()  # where the camera was when _empty was drawn
        self._empty = np.empty((height, width, 3), np.uint8)  # floor and sky
        self._context = gl.open_context(self.platform, width, height)
        self._at_exit = partial(_close, weakref.ref(self))
        atexit.register(self._at_exit)  # later, the platform's own library is gone
        try:
            self._renderers = [self._renderer(samples) for samples in (0, _SAMPLES)]
            mujoco.mjr_resizeOffscreen(_STEP, _STEP, self._renderers[True])
        except mujoco.FatalError as error:
            self.close()
            raise RendererMissing(
                f"{self.platform} cannot draw {width}x{height}: {error}"
            ) from error

    def _renderer(self, samples: int) -> mujoco.MjrContext:
        self._model.vis.quality.offsamples = samples
        return mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100.value)

    def draw(self, qpos: np.ndarray, arrows: Sequence[Arrow] = ()) -> np.ndarray:
        """The picture (height, width, 3) uint8 of the positions (nq,), arrows over it."""
        self._context.make_current()  # of several canvases in one process, this one
        self._data.qpos[:] = qpos
        mujoco.mj_forward(self._model, self._data)
        self._fill(mujoco.mjtCatBit.mjCAT_ALL, arrows)
        whole, part = self._whole, self._busy(arrows)
        if part and part.area > _MOST * whole.area:
            return self._picture(whole, fine=True)[::-1]  # OpenGL's rows go upwards
        over = None
        if part:
            for eye in self._scene.camera:
                region.look_at(eye, part, whole)
            over = self._picture(part, fine=True)
        picture = self._background()
        if part:
            picture[part.bottom : part.top, part.left : part.right] = over
        return picture[::-1]

    def _background(self) -> np.ndarray:
        """Floor and sky, drawn again only where the camera has moved."""
        self._fill(mujoco.mjtCatBit.mjCAT_STATIC)
        eye = mujoco.mjv_averageCamera(*self._scene.camera)
        view = (*eye.pos, *eye.forward, *eye.up)
        if view != self._view:
            self._view, self._empty = view, self._picture(self._whole, fine=False)
        return self._empty.copy()

    def _fill(self, kinds: mujoco.mjtCatBit, arrows: Sequence[Arrow] = ()) -> None:
        """Put what is to be drawn into the scene, and the camera where it belongs."""
        mujoco.mjv_updateScene(
            self._model, self._data, self._option, None, self._camera, kinds, self._scene
        )
        for geom in self._scene.geoms[: self._scene.ngeom]:
            if geom.type in _GROUND:
                geom.category = mujoco.mjtCatBit.mjCAT_DECOR  # shadows fall on it, it has none
        add_arrows(self._scene, arrows)

    def _make_room(self, part: region.Box) -> None:
        """Give the fine renderer a buffer that holds a part, not much larger: all of it costs."""
        fine, need = self._renderers[True], part.viewport
        if need.width > fine.offWidth or need.height > fine.offHeight:
            size = (
                min(_STEP * -(-max(have, wanted) // _STEP), most)
                for have, wanted, most in (
                    (fine.offWidth, need.width, self._whole.right),
                    (fine.offHeight, need.height, self._whole.top),
                )
            )
            mujoco.mjr_resizeOffscreen(*size, fine)

    def _picture(self, part: region.Box, fine: bool) -> np.ndarray:
        renderer, viewport = self._renderers[fine], part.viewport
        if fine:
            self._make_room(part)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = fine
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, renderer)
        mujoco.mjr_render(viewport, self._scene, renderer)
        picture = np.empty((viewport.height, viewport.width, 3), np.uint8)
        mujoco.mjr_readPixels(picture, None, viewport, renderer)
        return picture

    def _busy(self, arrows: Sequence[Arrow]) -> region.Box | None:
        """The part of the picture with robots, other things, their shadows and arrows."""
        if self._model.nlight != 1 or self._model.light_type[0] != _SUN:
            return self._whole  # shadows may fall anywhere
        centers, radii = self._data.geom_xpos[self._solid], self._radii
        sun = self._data.light_xdir[0]
        ground = self._data.geom_xpos[self._planes, 2].min(initial=np.inf)
        way = np.clip((ground - centers[:, 2:]) / sun[2], 0.0, None)  # to where the shadow falls
        fallen = centers + np.where(np.isfinite(way), way, 0.0) * sun
        ends = np.array([end for arrow in arrows for end in (arrow.start, arrow.end)])
        places = np.concatenate([centers, fallen, ends.reshape(-1, 3)])
        wide = np.concatenate([radii, radii / abs(sun[2]), np.full(len(ends), REACH)])
        eye = mujoco.mjv_averageCamera(*self._scene.camera)
        return region.around(eye, places, wide, self._whole)

    def close(self) -> None:
        """Free the renderer; EGL prints errors at exit where it was not."""
        if self._context is None:
            return
        self._context.make_current()
        for renderer in self._renderers:
            renderer.free()
        self._context.free()
        self._context, self._renderers = None, []
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
