import os
import signal
import sys

import pytest

from rlctl.core.errors import RendererMissing
from rlctl.rendering import gl

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux has three platforms")


@pytest.fixture
def works(monkeypatch):
    """Set which platforms work, instead of trying them."""

    def only(*names):
        monkeypatch.setattr(gl, "problem", lambda name: "" if name in names else f"no {name} here")

    monkeypatch.delenv("MUJOCO_GL", raising=False)
    return only


@linux
@pytest.mark.parametrize(
    ("working", "expected"),
    [(("egl", "osmesa"), "egl"), (("osmesa", "glfw"), "osmesa"), (("glfw",), "glfw")],
)
def test_takes_the_first_that_works(works, working, expected):
    works(*working)
    assert gl.find() == expected


@linux
@pytest.mark.parametrize(
    ("asked", "expected"), [("osmesa", "osmesa"), (" EGL ", "egl"), ("glx", "glfw"), ("on", "egl")]
)
def test_uses_the_platform_of_the_user(works, monkeypatch, asked, expected):
    works("egl", "osmesa", "glfw")
    monkeypatch.setenv("MUJOCO_GL", asked)
    assert gl.find() == expected
    assert os.environ["MUJOCO_GL"] == asked


@linux
@pytest.mark.parametrize(
    ("asked", "message", "hint"),
    [
        ("osmesa", "MUJOCO_GL=osmesa cannot render here (no osmesa here)", "egl, which works"),
        ("vulkan", "MUJOCO_GL=vulkan is not one of egl, osmesa, glfw", "egl, which works"),
        ("off", "MUJOCO_GL=off turns rendering off", "unset MUJOCO_GL"),
    ],
)
def test_names_what_the_user_asked_for_and_what_works(works, monkeypatch, asked, message, hint):
    works("egl")
    monkeypatch.setenv("MUJOCO_GL", asked)
    with pytest.raises(RendererMissing) as raised:
        gl.find()
    assert raised.value.message == message
    assert hint in raised.value.hint
    assert raised.value.exit_code == 10


def test_says_what_to_install_where_nothing_works(works):
    works()
    with pytest.raises(RendererMissing) as raised:
        gl.find()
    for platform in gl.platforms():
        assert f"{platform}: no {platform} here" in raised.value.message
    assert "libegl1" in raised.value.hint
    assert "libosmesa6" in raised.value.hint


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("raise ImportError('no such library')", "ImportError: no such library"),
        (f"import os; os.kill(os.getpid(), {signal.SIGKILL.value})", "crashed with signal 9"),
        ("raise SystemExit(1)", "rendered a wrong image"),
        ("import time; time.sleep(9)", "no frame after 1 s"),
        ("import os; assert os.environ['MUJOCO_GL'] == 'egl'", ""),
    ],
)
def test_a_check_that_fails_says_why(monkeypatch, tmp_path, script, reason):
    script_file = tmp_path / "gl_check.py"
    script_file.write_text(script)
    monkeypatch.setattr(gl, "_CHECK", script_file)
    if "sleep" in script:
        monkeypatch.setattr(gl, "_CHECK_SECONDS", 1.0)
    assert gl.problem.__wrapped__("egl") == reason


def test_the_platform_found_really_renders(opengl):
    assert gl.problem(gl.find()) == ""


def test_a_context_that_does_not_open_is_a_missing_renderer():
    with pytest.raises(RendererMissing, match="nonsense cannot open a context"):
        gl.open_context("nonsense", 32, 32)
