"""Test frame with MuJoCo's renderer; run as a subprocess, because a bad driver may crash it.

The platform is MUJOCO_GL of the environment. The exit status is 0 if the image is right.
"""

import sys

SCENE = """
<mujoco>
  <worldbody>
    <light pos="0 0 3"/>
    <geom type="sphere" size=".5" rgba="1 0 0 1"/>
    <camera pos="0 -3 0" xyaxes="1 0 0 0 0 1"/>
  </worldbody>
</mujoco>
"""


def main() -> int:
    """Render a red ball and check that the middle of the image is red."""
    import mujoco

    model = mujoco.MjModel.from_xml_string(SCENE)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    with mujoco.Renderer(model, 32, 32) as renderer:
        renderer.update_scene(data, camera=0)
        red, green, _ = renderer.render()[16, 16]
    return 0 if red > 20 and red > green else 1


if __name__ == "__main__":
    sys.exit(main())
