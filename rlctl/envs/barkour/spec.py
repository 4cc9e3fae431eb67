"""Barkour's EnvSpec: observations, actions, commands, symmetry."""

import numpy as np

from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart, RatioMetric, Symmetry

CONTROL_DT = 0.02  # s
SUBSTEPS = 5
EPISODE_LENGTH = 1000  # control steps, 20 s
FRAME_DECAY = 0.6  # weight of a frame for the networks, relative to the next newer frame

LEGS = ("front_left", "hind_left", "front_right", "hind_right")
JOINTS = tuple(f"{joint}_{leg}" for leg in LEGS for joint in ("abduction", "hip", "knee"))

EXACT = (  # privileged: noiseless, in the torso's frame
    ObservationPart("velocity", 3, "m/s", privileged=True),
    ObservationPart("angular_velocity", 3, "rad/s", privileged=True),
    ObservationPart("exact_gravity", 3, "1", privileged=True),
    ObservationPart("height", 1, "m", privileged=True),
    ObservationPart("joint_velocity", len(JOINTS), "rad/s", privileged=True),
    ObservationPart("foot_velocity", 3 * len(LEGS), "m/s", privileged=True),
    ObservationPart("foot_height", len(LEGS), "m", privileged=True),
    ObservationPart("air_time", len(LEGS), "s", privileged=True),
)
MIRROR_SIGN = {
    "yaw_rate": (-1,),
    "gravity": (1, -1, 1),
    "command_velocity": (1, -1),
    "command_yaw_rate": (-1,),
    "velocity": (1, -1, 1),
    "angular_velocity": (-1, 1, -1),
    "exact_gravity": (1, -1, 1),
    "foot_velocity": (1, -1, 1) * len(LEGS),
}


def spec(history: int) -> EnvSpec:
    """Return the spec with `history` stacked frames in the policy's observation, newest first."""
    frames = tuple(part for age in range(history) for part in _frame(age))
    observation, start = frames + EXACT, sum(part.size for part in frames)
    return EnvSpec(
        id="barkour",
        observation=observation,
        action=tuple(
            ActionPart(joint, -1.0, 1.0, "0.3 rad", "joint target less the home pose")
            for joint in JOINTS
        ),
        control_dt=CONTROL_DT,
        substeps=SUBSTEPS,
        episode_length=EPISODE_LENGTH,
        terms=(
            "tracking_lin_vel",
            "tracking_ang_vel",
            "lin_vel_z",
            "ang_vel_xy",
            "orientation",
            "torques",
            "action_rate",
            "stand_still",
            "feet_air_time",
            "foot_slip",
            "termination",
        ),
        cameras=("track", "side"),
        commands=("vx", "vy", "yaw"),
        achieved=(start, start + 1, start + 5),  # in velocity and angular_velocity
        symmetry=_symmetry(observation),
        eval_metrics=(
            RatioMetric("power", "W", numerator="power"),
            RatioMetric("cost_of_transport", "1", numerator="power", denominator="weight_speed"),
            RatioMetric("slip", "m/s", numerator="slip", denominator="contacts"),
        ),
    )


def _frame(age: int) -> tuple[ObservationPart, ...]:
    parts = {
        "yaw_rate": (1, "4 rad/s"),
        "gravity": (3, "1"),
        "command_velocity": (2, "0.5 m/s"),
        "command_yaw_rate": (1, "4 rad/s"),
        "joint_offset": (len(JOINTS), "rad"),
        "previous_action": (len(JOINTS), "1"),
    }
    when = f"[t-{age}]" if age else "[t]"
    return tuple(
        ObservationPart(name + when, size, unit, weight=FRAME_DECAY**age)
        for name, (size, unit) in parts.items()
    )


def _symmetry(observation: tuple[ObservationPart, ...]) -> Symmetry:
    """Return the left-right symmetry: legs swap, lateral components change sign.

    Joint angles keep their sign: the same abduction angle spreads a left and a right leg.
    """
    legs = [LEGS.index(swap) for swap in ("front_right", "hind_right", "front_left", "hind_left")]
    order: list[int] = []
    sign: list[int] = []
    for part in observation:
        numbers = np.arange(len(order), len(order) + part.size)
        if part.size % len(LEGS) == 0:
            numbers = numbers.reshape(len(LEGS), -1)[legs].ravel()
        order += numbers.tolist()
        sign += MIRROR_SIGN.get(part.name.partition("[")[0], (1,) * part.size)
    joints = np.arange(len(JOINTS)).reshape(len(LEGS), -1)[legs].ravel()
    return Symmetry(tuple(order), tuple(sign), tuple(joints.tolist()), (1,) * len(JOINTS))
