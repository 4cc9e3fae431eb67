import mujoco
import pytest

from rlctl.core.errors import RendererMissing
from rlctl.rendering import gl

BALL = """
<mujoco>
  <worldbody>
    <light pos="0 0 4"/>
    <camera name="side" pos="0 -4 1" xyaxes="1 0 0 0 0 1"/>
    <geom type="plane" size="0 0 1" rgba=".2 .3 .2 1"/>
    <body pos="0 0 1">
      <joint name="x" type="slide" axis="1 0 0" range="-1 1"/>
      <geom size=".4" rgba="1 0 0 1"/>
    </body>
  </worldbody>
</mujoco>
"""


@pytest.fixture
def ball() -> mujoco.MjModel:
    """Return a red ball on a rail; camera `side` shows it in the middle at 0, on the right at 1."""
    return mujoco.MjModel.from_xml_string(BALL)


@pytest.fixture
def opengl() -> None:
    """Skip the test without an OpenGL platform."""
    try:
        gl.find()
    except RendererMissing as missing:
        pytest.skip(missing.message)
