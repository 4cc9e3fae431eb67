"""The joystick task: observation, kicks, commands, ends, rewards, randomisation."""

from dataclasses import replace

import jax
import mujoco
import numpy as np
import pytest
from envs.stepping import Single

from rlctl.core.errors import UsageError
from rlctl.envs.barkour.config import BarkourConfig
from rlctl.envs.barkour.env import HOME_POSE, JOINTS, LEGS, POSE_MAX, POSE_MIN, Barkour
from rlctl.physics.base import Physics

QUIET = BarkourConfig(obs_noise=0.0, kick_velocity=0.0)
HOME = [0, 0, 0.28, 1, 0, 0, 0, *HOME_POSE]
STILL = np.zeros(18)
FRAME, SEEN = 31, 465  # numbers of a frame, and that the policy sees


def keys(number, seed=0):
    return jax.random.split(jax.random.key(seed), number)


def look(single, carry):
    """Call `after` on the current state with a zero action."""
    return single.env.after(carry, single.physics(), np.zeros(12, np.float32), jax.random.key(0))


@pytest.fixture(scope="module")
def quiet():
    """Barkour without noise and kicks."""
    return Single(Barkour(QUIET))


@pytest.fixture(scope="module")
def default():
    return Single(Barkour())


def test_layout_is_15_frames_of_31():
    layout = [part for part in Barkour().spec.observation if not part.privileged]
    assert len(layout) == 15 * 6
    assert sum(part.size for part in layout[:6]) == FRAME
    assert Barkour().spec.policy_size == SEEN
    assert [part.name for part in layout[:7:6]] == ["yaw_rate[t]", "yaw_rate[t-1]"]


def test_first_observation_by_hand(quiet):
    observation = quiet.reset(jax.random.key(1))
    vx, vy, yaw = quiet.env.command(quiet.carry)
    expected = [0, 0, 0, -1, 2 * vx, 2 * vy, 0.25 * yaw, *np.zeros(24)]
    np.testing.assert_allclose(observation[:FRAME], expected, atol=1e-7)
    assert not observation[FRAME:SEEN].any(), "no history yet"


def test_frame_in_motion_by_hand(quiet):
    """Rolled by 90 degrees, gravity points to where the torso's right was: y is up."""
    qpos, qvel = np.array(HOME), STILL.copy()
    qpos[3:7] = [np.sqrt(0.5), np.sqrt(0.5), 0, 0]
    qpos[7:] += np.arange(12) / 100
    qvel[3:6] = [0.1, 0.2, 0.4]
    observation = quiet.reset(jax.random.key(1), (qpos, qvel))
    np.testing.assert_allclose(observation[:4], [0.1, 0, -1, 0], atol=1e-6)
    np.testing.assert_allclose(observation[7:19], np.arange(12) / 100, atol=1e-6)


def test_privileged_observations_by_hand(default):
    """Rolled by 90 degrees and moving: noiseless, in the torso's frame, whose y is up."""
    qpos, qvel = np.array(HOME), np.arange(1, 19) / 10
    qpos[2:7] = [0.3, np.sqrt(0.5), np.sqrt(0.5), 0, 0]
    observation = default.reset(jax.random.key(1), (qpos, qvel))[SEEN:]
    parts = [part for part in Barkour().spec.observation if part.privileged]
    edges = np.cumsum([part.size for part in parts])[:-1]
    found = dict(zip((part.name for part in parts), np.split(observation, edges), strict=True))
    expected = {
        "velocity": [0.1, 0.3, -0.2],
        "angular_velocity": [0.4, 0.5, 0.6],
        "exact_gravity": [0, -1, 0],
        "height": [0.3],
        "joint_velocity": qvel[6:],
        "air_time": np.full(4, 0.02),
    }
    feet, velocities = default.data.sensordata.reshape(2, 4, 3)
    expected["foot_height"] = feet[:, 2] - 0.0175
    expected["foot_velocity"] = velocities[:, [0, 2, 1]] * [1, 1, -1]
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], np.ravel(array), atol=1e-6, err_msg=name)


def test_history_shifts_and_holds_the_action_before(quiet, rng):
    observation = quiet.reset(jax.random.key(1))
    last = np.zeros(12)
    for key in keys(20):
        action = rng.uniform(-1, 1, 12).astype(np.float32)
        after, *_ = quiet.step(action, key)
        np.testing.assert_array_equal(after[FRAME:SEEN], observation[: SEEN - FRAME])
        np.testing.assert_array_equal(after[19:31], last)
        observation, last = after, action
    assert observation[SEEN - FRAME : SEEN].any(), "15 frames are full"


def test_a_shorter_history_is_the_newest_part_of_a_longer_one(default, rng):
    short = Single(Barkour(BarkourConfig(history=2)))
    assert (short.env.spec.policy_size, short.env.spec.observation_size) == (62, 104)
    few, many = (single.reset(jax.random.key(3)) for single in (short, default))
    for key in keys(5):
        np.testing.assert_allclose(few, [*many[:62], *many[SEEN:]], atol=1e-5)
        action = rng.uniform(-1, 1, 12).astype(np.float32)
        (few, *_), (many, *_) = (single.step(action, key) for single in (short, default))
    achieved = [few[i] for i in short.env.spec.achieved]
    np.testing.assert_allclose(achieved, [many[i] for i in default.env.spec.achieved], atol=1e-5)


def test_noise_is_uniform_within_its_bound(default, quiet):
    clean = quiet.reset(jax.random.key(2))
    physics = quiet.physics()
    draws = jax.vmap(lambda key: default.env.begin(physics, (), key)[1])(keys(500))
    noise = np.asarray(draws)[:, 7:FRAME] - clean[7:FRAME]  # all but the command's, which is drawn
    assert 0.049 < abs(noise).max() <= 0.05 + 1e-6
    assert noise.std() == pytest.approx(0.1 / np.sqrt(12), rel=0.02)
    assert not np.asarray(draws)[:, FRAME:SEEN].any()


def test_every_tenth_step_kicks(default):
    default.reset(jax.random.key(1))
    kicks = []
    for key in keys(30):
        edits, _ = default.env.before(default.carry, default.physics(), np.zeros(12), key)
        assert set(edits) == {"qvel"}
        assert not edits["qvel"][2:].any()
        kicks.append(np.asarray(edits["qvel"][:2]))
        default.step(np.zeros(12), key)
    speeds = np.linalg.norm(kicks, axis=1)
    np.testing.assert_allclose(speeds[::10], 0.05, rtol=1e-5)
    assert np.count_nonzero(speeds) == 3
    assert not np.allclose(kicks[0], kicks[10]), "in random directions"


def test_joint_targets_are_scaled_and_clipped(default):
    default.reset(jax.random.key(1))
    for action, expected in (
        (np.zeros(12), HOME_POSE),
        (np.ones(12), np.minimum(HOME_POSE + 0.3, POSE_MAX)),
        (np.full(12, 10.0), POSE_MAX),
        (np.full(12, -10.0), POSE_MIN),
    ):
        _, ctrl = default.env.before(
            default.carry, default.physics(), np.float32(action), jax.random.key(0)
        )
        np.testing.assert_allclose(ctrl, expected, atol=1e-6)


def test_command_changes_after_its_interval():
    env = Barkour(BarkourConfig(command_interval=7))
    single = Single(env)
    single.reset(jax.random.key(1))
    commands = [np.asarray(env.command(single.carry))]
    for key in keys(16):
        single.step(np.zeros(12), key)
        commands.append(np.asarray(env.command(single.carry)))
    changes = [i for i in range(1, 17) if (commands[i] != commands[i - 1]).any()]
    assert changes == [8, 16], "8 steps under each, as the tutorial's 501"


def test_commands_fill_their_ranges(default):
    default.reset(jax.random.key(1))
    physics = default.physics()
    commands = jax.vmap(lambda key: default.env.begin(physics, (), key)[0].command)(keys(2000))
    np.testing.assert_allclose(np.min(commands, axis=0), [-0.6, -0.8, -0.7], atol=0.01)
    np.testing.assert_allclose(np.max(commands, axis=0), [1.5, 0.8, 0.7], atol=0.01)


@pytest.mark.parametrize("name", ["vx", "vy", "yaw", "friction"])
def test_a_range_that_ends_before_it_begins_is_refused(name):
    with pytest.raises(UsageError, match=f"env.{name}_min 3 is above env.{name}_max 2"):
        BarkourConfig(**{f"{name}_min": 3.0, f"{name}_max": 2.0})
    assert BarkourConfig(**{f"{name}_min": 2.0, f"{name}_max": 2.0}).curriculum(0.5)


def test_the_curriculum_makes_commands_faster():
    fastest = [BarkourConfig().curriculum(progress).vx_max for progress in (0.0, 0.5, 1.0)]
    assert fastest == pytest.approx([0.6, 1.05, 1.5])
    assert BarkourConfig(vx_max=0.4).curriculum(0.0).vx_max == 0.4


def test_reset_forgets_everything(default):
    fresh = default.reset(jax.random.key(5))
    for key in keys(30):
        default.step(np.ones(12), key)
    again = default.reset(jax.random.key(5))
    np.testing.assert_array_equal(fresh, again)
    assert default.carry.clock == 0
    assert not default.carry.air_time.any()


def starts(number=200, **settings):
    env = Barkour(BarkourConfig(**settings))
    return [np.asarray(part) for part in jax.jit(jax.vmap(env.initial))(keys(number))[:2]]


def test_episodes_start_alike_by_default():
    qpos, qvel = starts(3)
    np.testing.assert_array_equal(qpos, np.tile(np.float32(HOME), (3, 1)))
    np.testing.assert_array_equal(qvel, 0.0)


def test_randomised_starts_are_within_bounds():
    qpos, qvel = starts(initial_pose_noise=0.8, initial_yaw=0.5, initial_velocity=0.3)
    low, high = np.maximum(HOME_POSE - 0.8, POSE_MIN), np.minimum(HOME_POSE + 0.8, POSE_MAX)
    pose, spread = qpos[:, 7:], high - low
    assert ((pose >= low) & (pose <= high)).all()
    assert (pose.min(axis=0) < low + 0.05 * spread).all()
    assert (pose.max(axis=0) > high - 0.05 * spread).all()
    yaw = 2 * np.arctan2(qpos[:, 6], qpos[:, 3])
    assert not qpos[:, [0, 1, 4, 5]].any()
    for drawn, most in ((yaw[:, None], 0.5), (qvel[:, :6], 0.3)):
        assert (np.abs(drawn) <= most + 1e-6).all()
        assert (drawn.min(axis=0) < -0.9 * most).all()
        assert (drawn.max(axis=0) > 0.9 * most).all()
    assert not qvel[:, 6:].any()


def test_a_part_of_the_start_can_be_randomised_alone():
    home = np.float32(HOME)
    for name, changed in (("pose_noise", {2, *range(7, 19)}), ("yaw", {3, 6}), ("velocity", set())):
        qpos, qvel = starts(5, **{f"initial_{name}": 0.2})
        assert set(np.flatnonzero((qpos != home).any(axis=0)).tolist()) == changed
        assert bool(qvel.any()) == (name == "velocity")


def test_no_foot_starts_in_the_floor():
    model = Barkour().model()
    data = mujoco.MjData(model)
    feet = [model.site(f"foot_{leg}").id for leg in LEGS]
    lowest = []
    for qpos in starts(initial_pose_noise=0.6, initial_yaw=3.14)[0]:
        data.qpos = qpos
        mujoco.mj_kinematics(model, data)
        lowest.append(data.site_xpos[feet, 2].min() - 0.0175)
    raised = starts(initial_pose_noise=0.6, initial_yaw=3.14)[0][:, 2] > 0.28
    assert 50 < raised.sum() < 200
    np.testing.assert_allclose(np.array(lowest)[raised], 0.00025, atol=1e-5)
    assert min(lowest) > 0.0002


def test_mirrored_actions_have_the_mirrored_effect(rng):
    """Over one second, up to the asymmetry of the robot's model (0.6 mm)."""
    order = np.array(Barkour().spec.symmetry.observation_order)
    sign = np.array(Barkour().spec.symmetry.observation_sign)
    legs = np.array(Barkour().spec.symmetry.action_order)
    seen = []
    for mirrored in (False, True):
        vx, vy, yaw = (0.5, -0.3, 0.4) if mirrored else (0.5, 0.3, -0.4)
        command = {"vx_min": vx, "vx_max": vx, "vy_min": vy, "vy_max": vy}
        command |= {"yaw_min": yaw, "yaw_max": yaw}
        single = Single(Barkour(replace(QUIET, **command)))
        single.reset(jax.random.key(1), (HOME, STILL))
        steps = []
        for step in range(50):
            action = (0.5 * np.sin(0.4 * step + np.arange(12))).astype(np.float32)
            observation, reward, *_ = single.step(action[legs] if mirrored else action)
            steps.append([*(observation[order] * sign if mirrored else observation), 10 * reward])
        seen.append(np.array(steps))
    original, image = seen
    assert abs(original).max() > 0.5
    np.testing.assert_allclose(image, original, atol=0.05)


@pytest.mark.parametrize(
    ("change", "fallen"),
    [
        ({}, False),
        ({2: 0.2}, False),
        ({2: 0.15}, True),  # too low
        ({2: 1.0, 3: 0.6, 4: 0.8}, True),  # rolled by 106 degrees
        ({2: 1.0, 3: 0.8, 4: 0.6}, False),  # by 74
        ({7: 0.6}, True),  # an abduction joint beyond 0.52
        ({9: 0.0}, True),  # a knee below 0.05
    ],
)
def test_episode_ends_when_fallen(quiet, change, fallen):
    qpos = np.array(HOME)
    for index, value in change.items():
        qpos[index] = value
    quiet.reset(jax.random.key(1), (qpos, STILL))
    _, _, reward, terminated, metrics = look(quiet, quiet.carry)
    assert bool(terminated) == fallen
    assert metrics["termination"] == pytest.approx(-0.02 * fallen)
    assert reward >= 0


def test_a_late_fall_is_not_penalised(quiet):
    quiet.reset(jax.random.key(1), ([0, 0, 0.1, *HOME[3:]], STILL))
    for clock, penalty in ((499.0, -0.02), (500.0, 0.0)):
        carry = quiet.carry._replace(clock=np.float32(clock))
        _, _, _, terminated, metrics = look(quiet, carry)
        assert terminated
        assert metrics["termination"] == pytest.approx(penalty)


def test_standing_by_hand(quiet):
    """At home and at rest, commanded to go 0.3, 0.4, 0.5: only tracking and torques count."""
    quiet.reset(jax.random.key(1), (HOME, STILL))
    carry = quiet.carry._replace(command=np.float32([0.3, 0.4, 0.5]))
    _, _, reward, _, metrics = look(quiet, carry)
    metrics = {name: metrics[name] for name in Barkour().spec.terms}
    expected = dict.fromkeys(Barkour().spec.terms, 0.0)
    expected["tracking_lin_vel"] = 1.5 * np.exp(-0.25 / 0.25) * 0.02
    expected["tracking_ang_vel"] = 0.8 * np.exp(-0.25 / 0.25) * 0.02
    torque = abs(quiet.data.qfrc_actuator)
    expected["torques"] = -0.0002 * (np.sqrt((torque**2).sum()) + torque.sum()) * 0.02
    assert torque.sum() > 0, "controls were zero at the forward pass"
    assert metrics == pytest.approx(expected, abs=1e-7)
    assert reward == pytest.approx(sum(expected.values()), abs=1e-7)


def test_rewards_equal_another_implementation(default, rng):
    """Against MuJoCo's own velocities and rotation matrices in float64, over 200 rough steps."""
    reference = Reference(default)
    default.reset(jax.random.key(11))
    seen = set()
    for step, key in enumerate(keys(200, seed=3)):
        action = (1.5 * np.sin(0.5 * step + np.arange(12)) + rng.normal(size=12) / 5).astype("f4")
        command = np.asarray(default.env.command(default.carry), np.float64)
        _, reward, terminated, metrics = default.step(action, key)
        expected = reference.terms(command, action, terminated)
        expected_metrics = reference.eval_metrics()
        extra = {name: metrics.pop(name) for name in expected_metrics}
        assert extra == pytest.approx(expected_metrics, rel=2e-4, abs=2e-5), step
        assert metrics == pytest.approx(expected, rel=2e-4, abs=2e-6), step
        assert reward == pytest.approx(max(sum(expected.values()), 0), abs=1e-5)
        seen |= {name for name, value in expected.items() if value}
        if terminated:
            default.reset(key)
            reference = Reference(default)
    assert seen == set(Barkour().spec.terms) - {"stand_still"}, "every term was at work"


def test_stand_still_counts_only_when_commanded(quiet):
    qpos = np.array(HOME)
    qpos[7:] += 0.01
    quiet.reset(jax.random.key(1), (qpos, STILL))
    for speed, expected in ((0.0, -0.5 * 0.12 * 0.02), (0.2, 0.0)):
        carry = quiet.carry._replace(command=np.float32([speed, 0, 0]))
        metrics = look(quiet, carry)[-1]
        assert metrics["stand_still"] == pytest.approx(expected, abs=1e-7)


def test_randomised_fields():
    env = Barkour()
    model = env.model()
    draws = jax.vmap(lambda key: env.randomize(key, model))(keys(1000))
    assert set(draws) == {"geom_friction", "actuator_gainprm", "actuator_biasprm"}
    for name, array in draws.items():
        assert array.shape == (1000, *getattr(model, name).shape)
        assert array.dtype == np.float32

    slide, gain = draws["geom_friction"][..., 0], draws["actuator_gainprm"][..., 0]
    for drawn, low, high in ((slide, 0.6, 1.4), (gain, 30, 40)):
        np.testing.assert_array_equal(drawn, np.repeat(drawn[:, :1], drawn.shape[1], axis=1))
        assert low <= drawn.min() < low + 0.01 * high
        assert high - 0.01 * high < drawn.max() <= high
    np.testing.assert_array_equal(draws["actuator_biasprm"][..., 1], -gain)

    kept = np.asarray(draws["actuator_biasprm"]).copy()
    kept[..., 1] = model.actuator_biasprm[:, 1]
    np.testing.assert_array_equal(
        kept, np.broadcast_to(np.float32(model.actuator_biasprm), kept.shape)
    )


def test_reward_settings_are_used(rng):
    plain = Single(Barkour())
    doubled = Single(Barkour(BarkourConfig(reward_tracking_lin_vel=3.0, reward_torques=0.0)))
    results = []
    for single in (plain, doubled):
        single.reset(jax.random.key(1))
        results.append(single.step(np.zeros(12), jax.random.key(2))[-1])
    assert results[1]["tracking_lin_vel"] == pytest.approx(2 * results[0]["tracking_lin_vel"])
    assert results[1]["torques"] == 0 != results[0]["torques"]


def test_eval_metrics_by_hand(default):
    """Half a turn: moves 0.3, 0.4 m/s; joint i turns at i rad/s against -1 or 1 N m; two feet."""
    speeds = np.array([[0.3, 0.4, 9.0], [5.0, 0.0, 0.0], [0.0, -1.0, 0.0], [7.0, 7.0, 7.0]])
    heights = np.array([0.0005, 0.0011, -0.002, 0.4])  # above the floor
    feet = np.concatenate([np.zeros((4, 2)), heights[:, None] + 0.0175], axis=1)
    physics = Physics(
        {
            "qpos": np.float32([*HOME[:3], 0, 0, 0, 1, *HOME_POSE]),
            "qvel": np.float32([0.3, 0.4, 2.0, 1.0, 1.0, 1.0, *range(12)]),
            "qfrc_actuator": np.float32([0] * 6 + [-1, 1] * 6),
            "sensordata": np.float32([*feet.ravel(), *speeds.ravel()]),
        }
    )
    default.reset(jax.random.key(1))
    metrics = default.env.after(default.carry, physics, np.zeros(12, "f4"), jax.random.key(0))[-1]
    mass = default.model.body_mass.sum()
    expected = {
        "power": sum(range(12)),
        "weight_speed": mass * 9.81 * 0.5,
        "slip": 0.5 + 1.0,
        "contacts": 2,
    }
    assert {name: metrics[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert -default.model.opt.gravity[2] == 9.81
    assert set(metrics) == {*Barkour().spec.terms, *expected}


def test_eval_metrics_are_not_rewarded(default):
    default.reset(jax.random.key(1))
    _, reward, _, metrics = default.step(np.zeros(12), jax.random.key(2))
    assert reward == pytest.approx(sum(metrics[name] for name in Barkour().spec.terms), abs=1e-7)
    assert metrics["power"] > 1
    names = {
        name
        for metric in Barkour().spec.eval_metrics
        for name in (metric.numerator, metric.denominator)
    }
    assert not names & set(Barkour().spec.terms)


class Reference:
    """Reference implementation of the reward terms in numpy from MjData."""

    def __init__(self, single):
        self.single, self.current = single, mujoco.MjData(single.model)
        self.scales = {
            name: getattr(BarkourConfig(), f"reward_{name}") for name in Barkour().spec.terms
        }
        self.touching, self.air_time = np.zeros(4, bool), np.zeros(4)
        self.last_action, self.clock = np.zeros(12), 0

    def terms(self, command, action, terminated):
        model, data, current = self.single.model, self.single.data, self.current
        current.qpos[:], current.qvel[:] = data.qpos, data.qvel
        mujoco.mj_fwdPosition(model, current)
        mujoco.mj_fwdVelocity(model, current)
        torso = model.body("torso").id
        world, local = np.zeros(6), np.zeros(6)  # rotational, then linear
        mujoco.mj_objectVelocity(model, current, mujoco.mjtObj.mjOBJ_XBODY, torso, world, 0)
        mujoco.mj_objectVelocity(model, current, mujoco.mjtObj.mjOBJ_XBODY, torso, local, 1)
        up = current.xmat[torso].reshape(3, 3)[:, 2]
        torques = data.qfrc_actuator
        walking = np.hypot(*command[:2])
        slip, air_time = self.feet()
        values = {
            "tracking_lin_vel": np.exp(-((command[:2] - local[3:5]) ** 2).sum() / 0.25),
            "tracking_ang_vel": np.exp(-((command[2] - local[2]) ** 2) / 0.25),
            "lin_vel_z": world[5] ** 2,
            "ang_vel_xy": (world[:2] ** 2).sum(),
            "orientation": (up[:2] ** 2).sum(),
            "torques": np.sqrt((torques**2).sum()) + abs(torques).sum(),
            "action_rate": ((action - self.last_action) ** 2).sum(),
            "stand_still": abs(data.qpos[7:] - HOME_POSE).sum() * (walking < 0.1),
            "feet_air_time": air_time * (walking > 0.05),
            "foot_slip": slip,
            "termination": float(terminated and self.clock < 500),
        }
        self.last_action, self.clock = action.astype(float), self.clock + 1
        return {name: self.scales[name] * value * 0.02 for name, value in values.items()}

    def eval_metrics(self):
        """Compute the metrics behind the evaluation metrics from the same state."""
        model, data = self.single.model, self.single.data
        slips = []
        for leg in LEGS:
            site, velocity = model.site(f"foot_{leg}").id, np.zeros(6)
            mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_SITE, site, velocity, 0)
            if data.site_xpos[site, 2] - 0.0175 < 0.001:
                slips.append(np.hypot(*velocity[3:5]))
        return {
            "power": abs(data.actuator_force * data.qvel[6:]).sum(),
            "weight_speed": model.body_mass.sum() * 9.81 * np.hypot(*data.qvel[:2]),
            "slip": sum(slips),
            "contacts": len(slips),
        }

    def feet(self):
        """Compute slip and air time foot by foot, from the last physics step."""
        model, data = self.single.model, self.single.data
        slip = air_time = 0.0
        for i, leg in enumerate(LEGS):
            site = model.site(f"foot_{leg}").id
            gap = data.site_xpos[site, 2] - 0.0175
            velocity = np.zeros(6)
            mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_SITE, site, velocity, 0)
            if gap < 0.03 or self.touching[i]:
                slip += (velocity[3:5] ** 2).sum()
            landed = gap < 0.001 or self.touching[i]
            if landed and self.air_time[i] > 0:
                air_time += self.air_time[i] + 0.02 - 0.1
            self.air_time[i] = 0 if landed else self.air_time[i] + 0.02
            self.touching[i] = gap < 0.001
        return slip, air_time


def test_joint_names_are_leg_by_leg():
    assert JOINTS[:3] == ("abduction_front_left", "hip_front_left", "knee_front_left")
    assert [part.name for part in Barkour().spec.action] == list(JOINTS)
