"""Rendering with the meshes of MuJoCo Menagerie."""

import os
import struct
from pathlib import Path

import mujoco
import numpy as np
import pytest

from rlctl.core.errors import Damaged, NotFound
from rlctl.envs.barkour.env import HOME_POSE, Barkour

REAL = os.environ.get("MENAGERIE_ROOT")  # before a fixture takes it away
MODEL = """
<mujoco>
  <default>
    <geom type="mesh" contype="0" conaffinity="0" rgba="1 0 0 1"/>
  </default>
  <asset><mesh name="part" file="assets/part.stl"/></asset>
  <worldbody>
    <body name="torso">
      <freejoint/>
      <geom mesh="part" pos=".1 .2 .3" quat="0 1 0 0"/>
      <geom type="sphere" size=".1"/>
      <body name="{leg}"><geom mesh="part"/></body>
    </body>
  </worldbody>
</mujoco>
"""
PACKAGE = """
from pathlib import Path

class Cache:
    def is_cached(self, robot):
        return self.model_path(robot).is_dir()

    def model_path(self, robot):
        return Path("cached") / robot

def get(name):
    return name
"""


def menagerie(root, leg="leg_front_left"):
    """Write a Menagerie whose robot consists of two tetrahedra; return the robot's folder."""
    folder = root / "google_barkour_vb"
    (folder / "assets").mkdir(parents=True)
    (folder / "barkour_vb_mjx.xml").write_text(MODEL.format(leg=leg))
    corners = 0.2 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    sides = [corners[list(side)].ravel() for side in ((0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3))]
    stl = struct.pack("<80xI", 4) + b"".join(struct.pack("<12f2x", 0, 0, 0, *s) for s in sides)
    (folder / "assets" / "part.stl").write_bytes(stl)
    return folder


def trajectory(model):
    data, rng = mujoco.MjData(model), np.random.default_rng(0)
    data.qpos[:] = [0, 0, 0.28, 1, 0, 0, 0, *HOME_POSE]
    states = []
    for _ in range(200):
        data.ctrl[:] = HOME_POSE + rng.uniform(-0.3, 0.3, 12)
        mujoco.mj_step(model, data)
        states.append(np.concatenate([data.qpos, data.qvel]))
    return states


def names(model, kind, count):
    return [mujoco.mj_id2name(model, kind, index) for index in range(count)]


def is_the_same_robot(dressed):
    physics, plain = Barkour().model(), Barkour().scene()
    np.testing.assert_array_equal(trajectory(dressed), trajectory(physics))
    for kind, count in ((mujoco.mjtObj.mjOBJ_JOINT, 13), (mujoco.mjtObj.mjOBJ_CAMERA, 2)):
        assert names(dressed, kind, count) == names(plain, kind, count)
    return True


def test_without_meshes_simple_shapes_are_rendered(monkeypatch):
    assert Barkour().scene().nmesh == 0
    monkeypatch.setenv("MENAGERIE_ROOT", "")
    assert Barkour().scene().nmesh == 0


def test_meshes_take_the_place_of_shapes(monkeypatch, tmp_path):
    menagerie(tmp_path / "there")
    plain = Barkour().scene()
    monkeypatch.setenv("MENAGERIE_ROOT", "there")
    scene = Barkour().scene()
    assert (plain.nmesh, scene.nmesh) == (0, 1)
    meshes = np.flatnonzero(scene.geom_type == mujoco.mjtGeom.mjGEOM_MESH)
    assert [scene.body(scene.geom_bodyid[i]).name for i in meshes] == ["torso", "leg_front_left"]
    np.testing.assert_array_equal(scene.geom_rgba[meshes], [[1, 0, 0, 1]] * 2)
    assert not scene.geom_contype[meshes].any()
    shown = scene.geom_group < 3  # what MuJoCo draws
    assert sorted(np.flatnonzero(shown)) == sorted([scene.geom("floor").id, *meshes])
    monkeypatch.delenv("MENAGERIE_ROOT")
    assert is_the_same_robot(scene)


def test_meshes_of_the_package_are_found(monkeypatch, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "mujoco_menagerie.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert Barkour().scene().nmesh == 0
    menagerie(tmp_path / "cached")
    assert Barkour().scene().nmesh == 1


def test_files_that_are_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("MENAGERIE_ROOT", str(tmp_path))
    with pytest.raises(NotFound, match=r"there is no .*google_barkour_vb/barkour_vb_mjx.xml"):
        Barkour().scene()
    (menagerie(tmp_path) / "assets" / "part.stl").unlink()
    with pytest.raises(NotFound, match=r"there is no .*google_barkour_vb/assets/part.stl"):
        Barkour().scene()
    assert Barkour().model().ngeom == 5, "physics never looks"


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("assets/part.stl", "version https://git-lfs.github.com/spec/v1", "invalid header in STL"),
        ("barkour_vb_mjx.xml", "<mujoco><wor", "XML parse error"),
        ("barkour_vb_mjx.xml", MODEL.format(leg="wheel"), "an unknown body wheel"),
    ],
)
def test_files_that_are_damaged(monkeypatch, tmp_path, file, content, words):
    (menagerie(tmp_path) / file).write_text(content)
    monkeypatch.setenv("MENAGERIE_ROOT", str(tmp_path))
    with pytest.raises(Damaged, match=words):
        Barkour().scene()


@pytest.mark.skipif(not REAL, reason="MENAGERIE_ROOT names no Menagerie")
def test_the_real_ones(monkeypatch):
    monkeypatch.setenv("MENAGERIE_ROOT", str(Path(REAL).absolute()))
    scene = Barkour().scene()
    monkeypatch.delenv("MENAGERIE_ROOT")
    assert scene.nmesh == 11
    assert (scene.geom_type == mujoco.mjtGeom.mjGEOM_MESH).sum() == 25
    assert is_the_same_robot(scene)
