"""Offscreen renderer for the states of a MuJoCo model."""

import atexit
import weakref
from collections.abc import Sequence
from functools import partial
from typing import Any, Self

import mujoco
import numpy as np

from rlctl.core.errors import RendererMissing
from rlctl.rendering import gl, region
from rlctl.rendering.arrows import END_RADIUS, Arrow, add_arrows
from rlctl.rendering.options import FREE
from rlctl.rendering.views import camera_of

_SAMPLES = 4  # per pixel (MSAA), in the foreground
_SHADOW_SIZE = 1024  # pixels of the shadow map; enough for one robot
_MAX_FOREGROUND = 0.6  # fraction of the image; above it two passes cost more than one
_SLICES, _STACKS = 20, 10  # of spheres and capsules; tessellation takes most of a frame's time
_BUFFER_STEP = 64  # pixels; the full-quality buffer grows in multiples of this
_HIDDEN_GROUP = 3  # geom groups from this one on are not drawn
_SUN = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
_GROUND = (mujoco.mjtGeom.mjGEOM_PLANE, mujoco.mjtGeom.mjGEOM_HFIELD)


class Canvas:
    """Offscreen renderer for one model; close it, or use it as a context manager.

    Antialiasing and shadows are costly on a CPU, so they are limited to the foreground: floor and
    sky are rendered once without them, and the box with robots and shadows is rendered over that.

    Args:
        model: The model to render; its offscreen size and quality settings are changed.
        width: Image width, pixels.
        height: Image height, pixels.
        camera: One of `views.cameras(model)`.

    Raises:
        RendererMissing: No OpenGL platform can render here.
    """

    def __init__(self, model: mujoco.MjModel, width: int, height: int, camera: str = FREE) -> None:
        self._context: Any = None  # of the platform's class
        self._renderers: list[mujoco.MjrContext] = []
        self._camera = camera_of(model, camera)
        self.platform = gl.find()
        model.vis.global_.offwidth, model.vis.global_.offheight = width, height
        quality = model.vis.quality
        quality.shadowsize, quality.numquads = _SHADOW_SIZE, 1
        quality.numslices, quality.numstacks = _SLICES, _STACKS
        self._model, self._data = model, mujoco.MjData(model)
        self._scene = mujoco.MjvScene(model, maxgeom=10_000)
        self._option = mujoco.MjvOption()
        self._full = region.Box(0, 0, width, height)
        self._planes = np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE)
        self._solid = np.flatnonzero(
            ~np.isin(model.geom_type, _GROUND) & (model.geom_group < _HIDDEN_GROUP)
        )
        self._radii = model.geom_rbound[self._solid]
        self._view: tuple[float, ...] = ()  # camera pose of the cached background
        self._background_image = np.empty((height, width, 3), np.uint8)  # floor and sky
        self._context = gl.open_context(self.platform, width, height)
        self._at_exit = partial(_close, weakref.ref(self))
        atexit.register(self._at_exit)  # before the OpenGL library is unloaded
        try:
            self._renderers = [self._renderer(samples) for samples in (0, _SAMPLES)]
            mujoco.mjr_resizeOffscreen(_BUFFER_STEP, _BUFFER_STEP, self._renderers[True])
        except mujoco.FatalError as error:
            self.close()
            raise RendererMissing(
                f"{self.platform} cannot render {width}x{height}: {error}"
            ) from error

    def _renderer(self, samples: int) -> mujoco.MjrContext:
        self._model.vis.quality.offsamples = samples
        return mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100.value)

    def render(self, qpos: np.ndarray, arrows: Sequence[Arrow] = ()) -> np.ndarray:
        """Render positions (nq,) and arrows to an image (height, width, 3) uint8."""
        self._context.make_current()  # several canvases may share this thread
        self._data.qpos[:] = qpos
        mujoco.mj_forward(self._model, self._data)
        self._update_scene(mujoco.mjtCatBit.mjCAT_ALL, arrows)
        full, part = self._full, self._foreground(arrows)
        if part and part.area > _MAX_FOREGROUND * full.area:
            return self._render_box(full, fine=True)[::-1]  # OpenGL's rows go upwards
        over = None
        if part:
            for eye in self._scene.camera:
                region.crop_camera(eye, part, full)
            over = self._render_box(part, fine=True)
        image = self._background()
        if part:
            image[part.bottom : part.top, part.left : part.right] = over
        return image[::-1]

    def _background(self) -> np.ndarray:
        """Return floor and sky, rendered again only if the camera has moved."""
        self._update_scene(mujoco.mjtCatBit.mjCAT_STATIC)
        eye = mujoco.mjv_averageCamera(*self._scene.camera)
        view = (*eye.pos, *eye.forward, *eye.up)
        if view != self._view:
            self._view, self._background_image = view, self._render_box(self._full, fine=False)
        return self._background_image.copy()

    def _update_scene(self, kinds: mujoco.mjtCatBit, arrows: Sequence[Arrow] = ()) -> None:
        """Update the scene with geoms of the given categories, the camera and arrows."""
        mujoco.mjv_updateScene(
            self._model, self._data, self._option, None, self._camera, kinds, self._scene
        )
        for geom in self._scene.geoms[: self._scene.ngeom]:
            if geom.type in _GROUND:
                geom.category = mujoco.mjtCatBit.mjCAT_DECOR  # it receives shadows, but casts none
        add_arrows(self._scene, arrows)

    def _grow_buffer(self, part: region.Box) -> None:
        """Grow the full-quality buffer to hold `part`; MSAA costs time per pixel of the buffer."""
        fine, need = self._renderers[True], part.viewport
        if need.width > fine.offWidth or need.height > fine.offHeight:
            size = (
                min(_BUFFER_STEP * -(-max(have, wanted) // _BUFFER_STEP), most)
                for have, wanted, most in (
                    (fine.offWidth, need.width, self._full.right),
                    (fine.offHeight, need.height, self._full.top),
                )
            )
            mujoco.mjr_resizeOffscreen(*size, fine)

    def _render_box(self, part: region.Box, fine: bool) -> np.ndarray:
        renderer, viewport = self._renderers[fine], part.viewport
        if fine:
            self._grow_buffer(part)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = fine
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, renderer)
        mujoco.mjr_render(viewport, self._scene, renderer)
        image = np.empty((viewport.height, viewport.width, 3), np.uint8)
        mujoco.mjr_readPixels(image, None, viewport, renderer)
        return image

    def _foreground(self, arrows: Sequence[Arrow]) -> region.Box | None:
        """Return the box of the image with robots, objects, their shadows and arrows."""
        if self._model.nlight != 1 or self._model.light_type[0] != _SUN:
            return self._full  # without one directional light, shadows may fall anywhere
        centers, radii = self._data.geom_xpos[self._solid], self._radii
        sun = self._data.light_xdir[0]
        ground = self._data.geom_xpos[self._planes, 2].min(initial=np.inf)
        way = np.clip(
            (ground - centers[:, 2:]) / sun[2], 0.0, None
        )  # m along the light to the floor
        shadows = centers + np.where(np.isfinite(way), way, 0.0) * sun
        ends = np.array([end for arrow in arrows for end in (arrow.start, arrow.end)])
        places = np.concatenate([centers, shadows, ends.reshape(-1, 3)])
        # A low sun stretches the shadow of a sphere by 1 / sin(elevation).
        radii = np.concatenate([radii, radii / abs(sun[2]), np.full(len(ends), END_RADIUS)])
        eye = mujoco.mjv_averageCamera(*self._scene.camera)
        return region.bounding_box(eye, places, radii, self._full)

    def close(self) -> None:
        """Free the renderer; if it is left open, EGL prints errors at exit."""
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
    """Close a canvas unless it was garbage-collected."""
    alive = canvas()
    if alive is not None:
        alive.close()
