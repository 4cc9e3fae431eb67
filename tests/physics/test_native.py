"""Batches of MuJoCo C: independent rows, additive edits, failures by row."""

import mujoco
import numpy as np
import pytest
from rollouts.slider import MJCF

from rlctl.physics.native import NativeBatch

ZERO = np.zeros((3, 1))


@pytest.fixture
def batch():
    model = mujoco.MjModel.from_xml_string(MJCF)
    batch = NativeBatch(model, 3, ("qpos", "qvel", "xpos"), substeps=2, threads=2)
    batch.reset(np.arange(3), np.array([[0.1], [0.2], [0.3]]), ZERO)
    return batch


def test_a_step_is_mujocos(batch):
    model = mujoco.MjModel.from_xml_string(MJCF)
    data = mujoco.MjData(model)
    for ctrl in (0.5, -1.0, 0.25):
        batch.step({}, np.full((3, 1), ctrl))
    data.qpos[0] = 0.2
    mujoco.mj_forward(model, data)
    for ctrl in (0.5, -1.0, 0.25):
        data.ctrl[0] = ctrl
        mujoco.mj_step(model, data, nstep=2)
    assert batch.qpos[1, 0] == data.qpos[0]
    fields = batch.fields()
    assert fields["xpos"].dtype == np.float32
    np.testing.assert_array_equal(fields["xpos"][1], data.xpos.astype(np.float32))


def test_fields_are_copies(batch):
    before = batch.fields()["qpos"]
    batch.step({}, np.ones((3, 1)))
    assert (batch.fields()["qpos"] != before).all()


def test_edits_of_the_state_add_and_those_of_forces_replace(batch):
    batch.step({"qvel": np.array([[1.0], [0.0], [0.0]])}, ZERO)
    speed = batch.fields()["qvel"][:, 0]
    assert speed[0] > 0.9
    assert speed[1] == 0.0
    force = np.array([[0.0], [10.0], [0.0]])
    batch.step({"qfrc_applied": force}, ZERO)
    batch.step({"qfrc_applied": force}, ZERO)
    pushed = batch.fields()["qvel"][1, 0]
    assert pushed == pytest.approx(10.0 * 0.04, rel=0.05), "held, not piled up"
    batch.step({"qfrc_applied": 0.0 * force}, ZERO)
    assert batch.fields()["qvel"][1, 0] < pushed


def test_only_the_rows_named_are_reset(batch):
    batch.step({}, np.ones((3, 1)))
    before = batch.state.copy()
    batch.reset(np.array([1]), np.array([[-0.5]]), np.array([[2.0]]))
    np.testing.assert_array_equal(batch.state[[0, 2]], before[[0, 2]])
    fields = batch.fields()
    assert fields["qpos"][1, 0] == -0.5
    assert fields["qvel"][1, 0] == 2.0
    assert fields["xpos"][1, 1, 0] == -0.5, "forwarded"


def test_rows_have_their_own_models(batch):
    batch.randomize({"body_mass": np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 4.0]])})
    batch.reset(np.arange(3), ZERO, ZERO)
    batch.step({}, np.ones((3, 1)))
    speed = batch.fields()["qvel"][:, 0]
    np.testing.assert_allclose(speed * [1, 2, 4], 20 * 0.02, rtol=0.05)
    batch.randomize({"body_mass": np.array([[0.0, 0.5]])}, np.array([1]))
    batch.reset(np.arange(3), ZERO, ZERO)
    batch.step({}, np.ones((3, 1)))
    speed = batch.fields()["qvel"][:, 0]
    np.testing.assert_allclose(speed * [1, 0.5, 4], 20 * 0.02, rtol=0.05)


def test_a_diverged_row_is_counted_and_kept_from_the_others(batch):
    assert batch.take_warnings() == 0
    batch.step({"qvel": np.array([[0.0], [np.nan], [0.0]])}, ZERO)
    finite = np.isfinite(batch.fields()["qpos"][:, 0])
    assert finite.tolist() == [True, False, True]
    assert batch.take_warnings() > 0
    assert batch.take_warnings() == 0
