"""The mesh-free model moves like the published one.

The figures of `PUBLISHED` come from MuJoCo Menagerie's google_barkour_vb/scene_mjx.xml (the version
with `ls_iterations="4"`) under the tutorial's time step, damping and gains, where this model gave
the same numbers to the last bit.
"""

import mujoco
import numpy as np
import pytest

from rlctl.envs.barkour.env import HOME_HEIGHT, HOME_POSE, JOINTS, LEGS, Barkour

MASSES = {"torso": 6.04352, "leg": 0.787, "upper_leg": 1.155, "lower_leg": 0.171238}  # kg
DIAGONALS = {  # kg m2
    "torso": (0.144664, 0.12027, 0.0511405),
    "leg": (0.00143831, 0.00117023, 0.00100011),
    "upper_leg_left": (0.00562022, 0.00519471, 0.0012633),
    "upper_leg_right": (0.00563107, 0.00519539, 0.00126472),
    "lower_leg": (0.00137406, 0.00135746, 3.05521e-05),
}
PUBLISHED = {  # physics steps of `trot` -> qpos
    50: [
        *(-0.032498539, -0.009663368, 0.244460881),
        *(0.997093680, 0.036545386, 0.023505998, -0.062578726),
        *(-0.153600861, 0.601309047, 0.969747506, 0.029880830, 0.260702075, 0.707346504),
        *(0.041836905, 0.309701093, 0.629530133, -0.176665723, 0.776621215, 0.965606224),
    ],
    500: [
        *(-0.269088196, 0.008902007, 0.222124763),
        *(0.993826237, -0.009223512, -0.108180893, 0.022830483),
        *(0.004806439, 0.432568334, 0.921381241, -0.178702145, 0.892596371, 0.787671657),
        *(-0.038558339, 0.600309285, 1.049499726, -0.132166497, 0.506058465, 0.619035185),
    ],
    2000: [
        *(-0.714489962, 0.038395662, 0.215487680),
        *(0.990149641, 0.000107193, -0.137514677, 0.026332298),
        *(0.005025771, 0.432087902, 0.921553384, -0.168183075, 0.941180574, 0.779182314),
        *(0.006470038, 0.598310364, 1.066590084, -0.166265960, 0.539250896, 0.567141955),
    ],
}


@pytest.fixture(scope="module")
def model():
    return Barkour().model()


def test_masses_and_inertias(model):
    bodies = [model.body(i).name for i in range(1, model.nbody)]
    assert bodies == ["torso", *(f"{p}_{leg}" for leg in LEGS for p in list(MASSES)[1:])]
    for name in bodies:
        part, side = name.rsplit("_", 2)[0], name.rsplit("_", 1)[-1]
        body = model.body(name)
        diagonal = DIAGONALS.get(f"{part}_{side}") or DIAGONALS[part]
        assert body.mass == MASSES[part], name
        np.testing.assert_array_equal(body.inertia, diagonal, name)
    assert model.body_mass.sum() == pytest.approx(14.496472)


def test_joints_and_actuators(model):
    joints = [model.joint(i).name for i in range(1, model.njnt)]
    assert tuple(joints) == JOINTS
    assert [model.actuator(i).name for i in range(model.nu)] == joints
    assert model.actuator_trnid[:, 0].tolist() == list(range(1, 13))
    np.testing.assert_array_equal(model.dof_damping, [0] * 6 + [0.5239] * 12)
    np.testing.assert_array_equal(model.dof_armature, [0] * 6 + [0.011] * 12)
    assert not model.dof_frictionloss.any()
    np.testing.assert_array_equal(model.actuator_gainprm[:, 0], 35)
    np.testing.assert_array_equal(model.actuator_biasprm[:, :3], [[0, -35, -0.5]] * 12)
    np.testing.assert_array_equal(model.actuator_forcerange, [[-18, 18]] * 12)
    ranges = [[-1.0472, 1.0472], [-1.54706, 3.02902], [0, 2.44346]]
    np.testing.assert_array_equal(model.jnt_range[1:], ranges * 4)
    targets = [[-0.9472, 0.9472], [-1.44706, 2.92902], [0.1, 2.34346]]
    np.testing.assert_array_equal(model.actuator_ctrlrange, targets * 4)


def test_only_feet_touch_the_floor(model):
    assert [model.geom(i).name for i in range(5)] == ["floor", *(f"foot_{leg}" for leg in LEGS)]
    assert model.ngeom == 5, "nothing that is only drawn is stepped"
    np.testing.assert_array_equal(model.geom_contype, [1, 0, 0, 0, 0])
    np.testing.assert_array_equal(model.geom_conaffinity, [1, 1, 1, 1, 1])
    np.testing.assert_array_equal(model.geom_friction[1:], [[0.8, 0.02, 0.01]] * 4)
    np.testing.assert_array_equal(model.geom_solimp[1:, :3], [[0.015, 1, 0.031]] * 4)
    np.testing.assert_array_equal(model.geom_size[1:, 0], 0.0175)


def test_timing_and_solver(model):
    assert model.opt.timestep == 0.004
    assert model.opt.timestep * Barkour().spec.substeps == Barkour().spec.control_dt
    assert (model.opt.iterations, model.opt.ls_iterations) == (1, 4)
    assert model.opt.disableflags == mujoco.mjtDisableBit.mjDSBL_EULERDAMP


def test_sensors_are_feet_positions_then_velocities(model):
    names = [model.sensor(i).name for i in range(model.nsensor)]
    assert names == [f"{kind}_{leg}" for kind in ("position", "velocity") for leg in LEGS]


def test_trot_is_the_published_models(model):
    data = mujoco.MjData(model)
    data.qpos[:] = [0, 0, HOME_HEIGHT, 1, 0, 0, 0, *HOME_POSE]
    for step in range(2000):
        data.ctrl[:] = trot(step * model.opt.timestep)
        mujoco.mj_step(model, data)
        if step + 1 in PUBLISHED:
            np.testing.assert_allclose(data.qpos, PUBLISHED[step + 1], atol=1e-8)


def trot(time):
    """Return a trot: hips and knees swing at 1.5 Hz, diagonal legs together."""
    legs = np.repeat([0, np.pi, np.pi, 0], 3)
    return HOME_POSE + np.array([0, 0.25, 0.3] * 4) * np.sin(3 * np.pi * time + legs)
