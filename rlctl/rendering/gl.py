"""OpenGL platforms for offscreen rendering, chosen by a test frame.

The test (`gl_check.py`) runs in a subprocess, because a broken driver may crash instead of raising.
The user's MUJOCO_GL is used and never changed: contexts are opened by class, not by that variable.
"""

import os
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from rlctl.core.errors import RendererMissing

_CHECK = Path(__file__).with_name("gl_check.py")
_CHECK_SECONDS = 60.0
_ANY = ("", "enable", "enabled", "on", "true", "1")  # values with which MuJoCo uses its default
_OFF = ("disable", "disabled", "off", "false", "0")
_SAME = {"glx": "glfw", "wgl": "glfw"}  # MuJoCo's aliases
INSTALL = (
    "install an OpenGL platform that needs no display, on Debian and Ubuntu "
    "`apt install libegl1 libgl1-mesa-dri` (EGL) or `apt install libosmesa6` (OSMesa)"
)


def platforms() -> tuple[str, ...]:
    """Return MuJoCo's platforms on this system, those that need no display first."""
    if sys.platform == "darwin":
        return ("cgl", "glfw")
    return ("glfw",) if sys.platform == "win32" else ("egl", "osmesa", "glfw")


@cache
def problem(platform: str) -> str:
    """Render a test frame with `platform` in a subprocess; return why it failed, or ""."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(_CHECK)],
            env=os.environ | {"MUJOCO_GL": platform},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_CHECK_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no frame after {_CHECK_SECONDS:.0f} s"
    if done.returncode == 0:
        return ""
    if done.returncode < 0:
        return f"crashed with signal {-done.returncode}"
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else "rendered a wrong image"


def find() -> str:
    """Return the platform to render with: the user's MUJOCO_GL, else the first that works.

    Raises:
        RendererMissing: None works, or the one in MUJOCO_GL does not.
    """
    asked = os.environ.get("MUJOCO_GL", "").lower().strip()
    if asked in _OFF:
        raise RendererMissing(f"MUJOCO_GL={asked} turns rendering off", "unset MUJOCO_GL")
    if asked not in _ANY:
        return _requested(asked)
    for platform in platforms():
        if not problem(platform):
            return platform
    reasons = "; ".join(f"{platform}: {problem(platform)}" for platform in platforms())
    raise RendererMissing(f"no OpenGL platform can render on this machine ({reasons})", INSTALL)


def _requested(asked: str) -> str:
    """Return the platform of MUJOCO_GL, or raise with one that works."""
    platform = _SAME.get(asked, asked)
    if platform not in platforms():
        why = f"is not one of {', '.join(platforms())}"
    else:
        why = problem(platform)
        if not why:
            return platform
        why = f"cannot render here ({why})"
    working = [other for other in platforms() if other != platform and not problem(other)]
    raise RendererMissing(
        f"MUJOCO_GL={asked} {why}",
        f"unset MUJOCO_GL, or set it to {working[0]}, which works" if working else INSTALL,
    )


def open_context(platform: str, width: int, height: int) -> Any:
    """Open an OpenGL context and make it current; `free()` it before the process ends.

    Raises:
        RendererMissing: It cannot be opened.
    """
    try:
        context = import_module(f"mujoco.{platform}").GLContext(width, height)
        context.make_current()
    except Exception as error:  # PyOpenGL and the drivers raise many types
        raise RendererMissing(f"{platform} cannot open a context: {error}", INSTALL) from error
    return context
