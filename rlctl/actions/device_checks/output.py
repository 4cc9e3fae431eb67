"""Checks of checkpoints, the compilation cache, rendering and video encoding."""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rlctl.actions.device_checks.base import Finding
from rlctl.core.errors import Damaged, OutOfSpace
from rlctl.core.files import write_atomic

_FRAMES = 20
_SLOW_FRAME = 1.0  # seconds to render 640x480


def checkpoint() -> Finding:
    """Write, verify and load a checkpoint, and check that a flipped bit is detected."""
    from rlctl.checkpoints import store
    from rlctl.policies.base import policy_of
    from rlctl.policies.mlp.spec import MLPSpec

    spec = MLPSpec(3, 3, (-1.0,), (1.0,), (), ())
    arrays = {
        "normalizer/mean": np.zeros(3, np.float32),
        "normalizer/std": np.ones(3, np.float32),
        "policy/hidden_0/kernel": np.eye(3, 2, dtype=np.float32),
        "policy/hidden_0/bias": np.zeros(2, np.float32),
    }
    with tempfile.TemporaryDirectory() as folder:
        facts = {"engine": "none", "env": {"id": "none"}, "policy": spec.to_json(), "initial": {}}
        path = store.save(Path(folder), 1, facts, {"policy": arrays})
        action = policy_of(store.load(path)).act(np.array([0.5, 0.0, 0.0], np.float32))
        if not np.allclose(action, np.tanh(0.5), atol=1e-6):
            return Finding("fail", None, f"the policy acts wrongly: {action}", "reinstall numpy")
        file = path / "policy.safetensors"
        size = file.stat().st_size
        _flip_bit(file)
        try:
            store.load(path)
        except Damaged:
            return Finding("pass", size, "written, verified and loaded; a flipped bit is detected")
        return Finding("fail", size, "a flipped bit is not detected", "please report it")


def compile_cache() -> Finding:
    """Check that JAX's compilation cache can be written."""
    folder = Path(os.environ.get("JAX_COMPILATION_CACHE_DIR", ""))
    try:
        write_atomic(folder / ".device-check", b"")
        (folder / ".device-check").unlink()
    except OutOfSpace as error:
        hint = "set JAX_COMPILATION_CACHE_DIR to a writable folder; else every run compiles again"
        return Finding("warn", str(folder), error.message, hint)
    sizes = [file.stat().st_size for file in folder.iterdir() if file.is_file()]
    detail = f"{folder}, {len(sizes):,} files, {sum(sizes) / 2**20:.1f} MiB"
    return Finding("pass", str(folder), detail)


def render() -> Finding:
    """Render a pendulum without a display."""
    from rlctl.rendering import gl

    platform = gl.find()
    from rlctl.rendering.canvas import Canvas

    with Canvas(_scene(), 640, 480) as canvas:
        canvas.render(np.zeros(1))  # warm-up
        started = time.perf_counter()
        picture = canvas.render(np.ones(1))
        seconds = time.perf_counter() - started
    detail = f"{platform}, {1000 * seconds:.0f} ms a frame of 640x480"
    if picture.std() < 1:
        return Finding("fail", platform, f"{platform} renders empty frames", gl.INSTALL)
    if seconds > _SLOW_FRAME:
        hint = "the CPU renders; a smaller --size or --fps makes videos faster"
        return Finding("warn", platform, detail, hint)
    return Finding("pass", platform, detail)


def video() -> Finding:
    """Encode a video and decode it."""
    from rlctl.rendering import video as encoder

    def frames_of_gray() -> Iterator[np.ndarray]:
        for gray in np.linspace(0, 255, _FRAMES):
            yield np.full((240, 320, 3), gray, np.uint8)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        frames = encoder.write(path, frames_of_gray(), 25.0)
        size = path.stat().st_size
    return Finding("pass", frames, f"mp4, {frames} frames written and read, {size:,} bytes")


def _scene() -> object:
    import mujoco

    spec = mujoco.MjSpec()
    spec.worldbody.add_light(pos=[0, 0, 3])
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0, 0, 1])
    body = spec.worldbody.add_body(pos=[0, 0, 1])
    body.add_joint(axis=[0, 1, 0])
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_CAPSULE, size=[0.05, 0, 0], fromto=[0, 0, 0, 0, 0, 0.5]
    )
    return spec.compile()


def _flip_bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
