"""What is drawn moves as what is stepped."""

import jax
import mujoco
import numpy as np
import pytest

from rlctl import catalog


@pytest.mark.parametrize("name", [row.name for row in catalog.ENVS])
def test_scene_is_the_physics_model_dressed(name):
    env = catalog.load(catalog.env(name).target)()
    model, scene = env.model(), env.scene()
    assert scene.ngeom >= model.ngeom
    tiled = scene.geom_matid == scene.material("tiles").id
    assert scene.geom_type[tiled].tolist() == [mujoco.mjtGeom.mjGEOM_PLANE]
    assert scene.nlight >= 1
    assert scene.ntex == 2, "sky and floor"
    assert model.nmesh == model.ntex == scene.nmesh == 0
    for camera in env.spec.cameras:
        assert mujoco.mj_name2id(scene, mujoco.mjtObj.mjOBJ_CAMERA, camera) >= 0

    trajectories = []
    for each in (model, scene):
        data = mujoco.MjData(each)
        data.qpos[:], data.qvel[:] = env.initial(jax.random.key(3))
        rng = np.random.default_rng(0)
        states = []
        for step in range(200):
            if step % 5 == 0:
                data.ctrl[:] = data.qpos[-each.nu :] + rng.uniform(-0.2, 0.2, each.nu)
            mujoco.mj_step(each, data)
            states.append(np.concatenate([data.qpos, data.qvel]))
        trajectories.append(states)
    np.testing.assert_array_equal(*trajectories)
