"""The rendered scene moves like the physics model."""

import jax
import mujoco
import numpy as np
import pytest

from rlctl import catalog
from rlctl.envs.scene import compile_scene, moving_bounds


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
        data.qpos[:], data.qvel[:], _ = env.initial(jax.random.key(3))
        rng = np.random.default_rng(0)
        states = []
        for step in range(200):
            if step % 5 == 0:
                data.ctrl[:] = data.qpos[-each.nu :] + rng.uniform(-0.2, 0.2, each.nu)
            mujoco.mj_step(each, data)
            states.append(np.concatenate([data.qpos, data.qvel]))
        trajectories.append(states)
    np.testing.assert_array_equal(*trajectories)


@pytest.mark.parametrize("name", ["pendulum", "reacher", "inverted-pendulum"])
def test_shadows_reach_the_fixed_geoms(name):
    scene = catalog.load(catalog.env(name).target)().scene()
    low, high = moving_bounds(scene)
    fixed = (scene.geom_bodyid == 0) & (scene.geom_type != mujoco.mjtGeom.mjGEOM_PLANE)
    places = scene.geom_pos[fixed] - (low + high) / 2
    reach = np.linalg.norm(places, axis=1) + scene.geom_rbound[fixed]
    assert reach.max() < scene.vis.map.shadowclip * scene.stat.extent < 1.2 * reach.max()


def test_the_floor_is_where_it_is_asked_for(tmp_path):
    path = tmp_path / "floor.xml"
    plane = '<geom name="floor" type="plane" pos="0 0 -3" size="1 1 1"/>'
    ball = '<body><freejoint/><geom size="0.1"/></body>'
    path.write_text(f"<mujoco><worldbody>{plane}{ball}</worldbody></mujoco>")
    for floor, height in ((None, -3.0), (-0.25, -0.25)):
        scene = compile_scene(path, floor=floor)
        assert scene.geom("floor").pos[2] == height
