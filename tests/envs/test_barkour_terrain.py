"""Hills: collisions, heights and initial states use the same ground."""

from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from envs.stepping import Single

from rlctl.core.config import resolve, set_layer
from rlctl.core.errors import UsageError
from rlctl.envs.barkour.config import BarkourConfig
from rlctl.envs.barkour.env import HOME_POSE, LEGS, Barkour
from rlctl.envs.barkour.initial_state import STANCE
from rlctl.envs.barkour.terrain import FOOT_RADIUS, Flat, Hills
from rlctl.rollouts.factory import make_driver

QUIET = BarkourConfig(terrain="hills", obs_noise=0.0, kick_velocity=0.0, history=1)
HOME = [0, 0, 0.28, 1, 0, 0, 0, *HOME_POSE]
HEIGHT, FOOT_HEIGHT = -42 + 9, slice(-8, -4)  # where the value function sees them
PINNED = [0.035532, 0.043609, 0.046918]  # m


@cache
def hills(peak=0.05):
    return Hills(peak)


@cache
def single():
    return Single(Barkour(QUIET))


def ground(field, places):
    """Return the height of the ground at places (n, 2), m."""
    points = jnp.column_stack([jnp.float32(places), jnp.zeros(len(places), jnp.float32)])
    return -np.asarray(jax.jit(jax.vmap(field.height))(points))


def test_a_pyramid_by_hand():
    """One point is 10 cm high, its neighbours 0; diagonals run from lower left."""
    field = Hills(0.05)
    field.heights = np.zeros_like(field.heights)
    field.heights[100, 100] = 0.1
    expected = {
        (0, 0): 0.1,
        (0.05, 0): 0.05,
        (0, -0.05): 0.05,
        (0.05, 0.05): 0.05,
        (0.075, 0.025): 0.025,
        (0.025, 0.075): 0.025,
        (-0.05, 0.05): 0,
        (-0.025, 0.025): 0.05,
        (0.1, 0.1): 0,
        (10, -10): 0,
        (-99, 99): 0,
    }
    np.testing.assert_allclose(ground(field, list(expected)), list(expected.values()), atol=2e-6)
    on_a_slope, on_level = [0.075, 0.025, 0.125], [5.0, 5.0, 0.125]
    distances = field.distances(jnp.array([on_a_slope, on_level]))
    np.testing.assert_allclose(distances, [0.1 * np.sqrt(0.5), 0.125], atol=1e-6)


def test_the_model_has_these_hills():
    env = Barkour(QUIET)
    for model in (env.model(), env.scene()):
        field = model.hfield_data.reshape(201, 201) * np.float32(model.hfield_size[0, 2])
        np.testing.assert_array_equal(field, hills().heights)
        np.testing.assert_allclose(model.hfield_size[0], [10, 10, 0.05, 0.1])
    model = env.model()
    feet = [model.geom(f"foot_{leg}") for leg in ("front_left", "hind_right")]
    ground, floor = model.geom("hills"), model.geom("floor")
    assert (ground.contype, ground.conaffinity) == (floor.contype, floor.conaffinity) == (1, 1)
    assert all((foot.contype, foot.conaffinity) == (0, 1) for foot in feet)
    draws = env.randomize(jax.random.key(0), model)
    assert len(set(np.asarray(draws["geom_friction"])[:, 0])) == 1, "as slippery as all the rest"


def test_the_hills_are_always_these():
    heights = hills().heights
    assert (heights.min(), heights.max()) == (0.0, np.float32(0.05))
    for edge in (heights[:2], heights[-2:], heights[:, :2], heights[:, -2:]):
        assert not edge.any(), "level with the plane around"
    inside = heights[20:-20, 20:-20]
    assert 0.02 < inside.mean() < 0.03
    np.testing.assert_allclose(heights[100, [60, 100, 140]], PINNED, atol=1e-6)
    np.testing.assert_allclose(hills(0.2).heights, 4 * heights, rtol=1e-5)


@pytest.mark.parametrize("peak", [0.05, 0.2])
def test_heights_and_distances_are_the_physics(peak, rng):
    """Heights agree with rays, and distances with the depth of a ball in contact."""
    spec = mujoco.MjSpec()
    hills(peak).add(spec)
    ball = spec.worldbody.add_body(name="ball")
    ball.add_freejoint()
    ball.add_geom(size=[FOOT_RADIUS, 0, 0], mass=1)
    model = spec.compile()
    data = mujoco.MjData(model)
    places = rng.uniform(-9.9, 9.9, (300, 2))
    below = ground(hills(peak), places)
    seen = []
    for place in places:
        geom, start, down = np.zeros(1, np.int32), np.array([*place, 2.0]), np.array([0.0, 0, -1])
        data.qpos[2] = 9
        mujoco.mj_forward(model, data)
        seen.append(2 - mujoco.mj_ray(model, data, start, down, None, 1, 1, geom, None))
    np.testing.assert_allclose(seen, below, atol=2e-5)
    depths, said = [], []
    for place, height in zip(places, below, strict=True):
        data.qpos[:3] = [*place, height + 0.015]
        mujoco.mj_forward(model, data)
        if data.ncon == 1:  # else on an edge, and perhaps closer to the triangle beside
            depths.append(data.contact.dist[0])
            said.append(data.qpos[:3].astype(np.float32))
    assert len(depths) > 100
    distances = jax.jit(hills(peak).distances)(jnp.array(said))
    np.testing.assert_allclose(distances - FOOT_RADIUS, depths, atol=2e-5)


def test_randomised_starts_are_above_the_ground_too():
    env = Barkour(BarkourConfig(terrain="hills", initial_pose_noise=0.4, initial_yaw=3.14))
    model = env.model()
    data = mujoco.MjData(model)
    keys = jax.random.split(jax.random.key(0), 100)
    lowest = []
    for qpos in jax.device_get(jax.jit(jax.vmap(env.initial))(keys))[0]:
        data.qpos[:] = qpos
        mujoco.mj_forward(model, data)
        assert data.ncon == 0
        feet = data.sensordata[:12].reshape(4, 3)
        lowest.append((feet[:, 2] - ground(hills(0.05), feet[:, :2])).min() - FOOT_RADIUS)
    assert np.quantile(lowest, 0.5) < 0.03


@pytest.mark.parametrize("peak", [0.05, 0.2])
def test_no_foot_starts_inside_the_ground(peak):
    env = Barkour(BarkourConfig(terrain="hills", terrain_height=peak))
    model = env.model()
    data = mujoco.MjData(model)
    keys = jax.random.split(jax.random.key(0), 300)
    starts, speeds, _ = jax.device_get(jax.jit(jax.vmap(env.initial))(keys))
    feet = []
    for qpos in starts:
        data.qpos[:] = qpos
        mujoco.mj_forward(model, data)
        assert data.ncon == 0
        feet += data.sensordata[:12].reshape(4, 3).tolist()
    feet = np.array(feet).reshape(300, 4, 3)
    stances = feet[:, :, :2] - starts[:, None, :2]
    np.testing.assert_allclose(stances, np.broadcast_to(STANCE, stances.shape), atol=1e-4)
    above = feet[:, :, 2] - ground(hills(peak), feet[:, :, :2].reshape(-1, 2)).reshape(300, 4)
    lowest = above.min(axis=1) - FOOT_RADIUS
    assert lowest.min() > 0
    assert lowest.max() < (0.003 if peak == 0.05 else 0.025), "nor far above it"
    assert 7.5 < abs(starts[:, :2]).max() <= 8
    assert not speeds.any()
    np.testing.assert_array_equal(starts[:, 3:], np.float32([HOME[3:]] * 300))


def test_feet_are_as_high_as_the_physics_finds_them(rng):
    """While walking: a foot in contact has a height of about 0."""
    robot, touching = single(), 0
    robot.reset(jax.random.key(4))
    feet = [robot.model.geom(f"foot_{leg}").id for leg in LEGS]
    for step in range(60):
        action = 0.8 * np.sin(0.5 * step + np.arange(12))
        observation, _, terminated, metrics = robot.step(action)
        depth = dict.fromkeys(feet, np.inf)
        for contact in robot.data.contact:
            if robot.model.geom(contact.geom1).name == "hills":
                depth[contact.geom2] = min(depth[contact.geom2], contact.dist)
        heights = observation[FOOT_HEIGHT]
        for height, found in zip(heights, depth.values(), strict=True):
            assert height == pytest.approx(found, abs=1e-3) if found < 0 else height > -1e-3
        assert metrics["contacts"] == (heights < 1e-3).sum()
        touching += metrics["contacts"]
        if terminated:
            robot.reset(jax.random.key(step))
    assert touching > 60


@pytest.mark.parametrize(("above", "fallen"), [(0.17, True), (0.19, False)])
def test_a_robot_has_fallen_by_its_height_above_the_ground(above, fallen):
    robot = single()
    row, column = np.unravel_index(hills().heights.argmax(), hills().heights.shape)
    top = np.array([column, row]) / 10 - 10
    qpos = np.array([*top, 0.05 + above, *HOME[3:]])
    observation = robot.reset(jax.random.key(1), (qpos, np.zeros(18)))
    assert observation[HEIGHT] == pytest.approx(above, abs=1e-5)
    still = np.zeros(12, np.float32)
    terminated = robot.env.after(robot.carry, robot.physics(), still, jax.random.key(0))[3]
    assert bool(terminated) == fallen


def test_flat_ground_is_the_plane_alone():
    """Model, initial states and heights do not depend on the settings of hills."""
    model = Barkour(BarkourConfig(terrain_height=0.2)).model()
    assert (model.nhfield, model.ngeom) == (0, 5)
    for seed in range(3):
        qpos = Barkour().initial(jax.random.key(seed)).qpos
        np.testing.assert_array_equal(qpos, np.float32(HOME))
    points = jnp.float32([[3, 4, 0.5], [0, 0, -0.1]])
    np.testing.assert_array_equal(Flat().distances(points), points[:, 2])
    assert Flat().height(points[0]) == 0.5


@pytest.mark.foreign
@pytest.mark.slow
def test_mjx_walks_the_same_hills(rng):
    """Contacts differ on edges, where MJX keeps four: joints by 0.04, heights by 4 mm."""
    config = replace(QUIET, history=6)
    native, mjx = (make_driver("barkour", config, physics, 4) for physics in ("native", "jax"))
    np.testing.assert_allclose(native.reset(0), mjx.reset(0), atol=1e-4)
    for action in rng.uniform(-0.5, 0.5, (10, 4, 12)).astype(np.float32):
        expected, found = (driver.step(action).final_observation for driver in (native, mjx))
        np.testing.assert_allclose(found[:, :31], expected[:, :31], atol=0.1)
        for part in (HEIGHT, FOOT_HEIGHT):
            np.testing.assert_allclose(found[:, part], expected[:, part], atol=0.01)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("terrain=moon", "flat, hills"),
        ("terrain_height=0", "0.001"),
        ("terrain_height=-0.05", "0.001"),
        ("terrain_height=0.5", "0.2"),
        ("terrain_height=tall", "number"),
    ],
)
def test_unknown_terrains_are_refused(setting, words):
    with pytest.raises(UsageError, match=words):
        resolve({"env": BarkourConfig}, [set_layer([f"env.{setting}"])])
