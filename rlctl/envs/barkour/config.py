"""Settings of Barkour: section `env`. The defaults are those of MuJoCo's joystick tutorial."""

from dataclasses import dataclass, replace
from typing import Self

from rlctl.core.config import setting
from rlctl.core.errors import UsageError

SLOW = 0.6  # m/s


@dataclass(frozen=True)
class BarkourConfig:
    """Follow a velocity command. A reward term counts its scale times its value times 0.02 s."""

    history: int = setting(
        15,
        "history length: stacked frames of the policy's observation, newest first",
        low=1,
        high=100,
    )
    action_scale: float = setting(0.3, "joint target per unit of action, rad", low=0.0)
    obs_noise: float = setting(0.05, "half-width of the uniform observation noise", low=0.0)
    kick_velocity: float = setting(0.05, "speed that a kick adds, m/s", low=0.0)
    kick_interval: int = setting(10, "control steps between kicks", low=1)

    initial_pose_noise: float = setting(
        0.0, "largest random change of each joint's initial angle, rad", low=0.0
    )
    initial_yaw: float = setting(
        0.0,
        "largest random initial yaw, rad; 3.14: any heading",
        low=0.0,
    )
    initial_velocity: float = setting(
        0.0, "largest random initial velocities of the torso, m/s and rad/s", low=0.0
    )

    terrain: str = setting("flat", "the ground", choices=("flat", "hills"))
    terrain_height: float = setting(
        0.05, "height of the highest hill, m; for terrain=hills", low=0.001, high=0.2
    )

    vx_min: float = setting(-0.6, "slowest forward command, m/s")
    vx_max: float = setting(1.5, "fastest forward command, m/s")
    vy_min: float = setting(-0.8, "slowest leftward command, m/s")
    vy_max: float = setting(0.8, "fastest leftward command, m/s")
    yaw_min: float = setting(-0.7, "slowest turn command, rad/s")
    yaw_max: float = setting(0.7, "fastest turn command, rad/s")
    command_interval: int = setting(500, "control steps until a new command is sampled", low=1)

    friction_min: float = setting(0.6, "smallest sliding friction of floor and feet", low=0.0)
    friction_max: float = setting(1.4, "largest sliding friction of floor and feet", low=0.0)
    kp_offset: float = setting(
        5.0, "largest change of the joint controllers' gain of 35, N m/rad", low=0.0, high=35.0
    )

    tracking_sigma: float = setting(
        0.25, "squared velocity error at which tracking gives 1/e", low=1e-6
    )
    reward_tracking_lin_vel: float = setting(1.5, "follow vx and vy")
    reward_tracking_ang_vel: float = setting(0.8, "follow the turn rate")
    reward_lin_vel_z: float = setting(-2.0, "squared vertical velocity of the torso")
    reward_ang_vel_xy: float = setting(-0.05, "squared roll and pitch rate")
    reward_orientation: float = setting(-5.0, "squared lean of the torso")
    reward_torques: float = setting(-0.0002, "joint torques, their length and absolute sum")
    reward_action_rate: float = setting(-0.01, "squared change of the action")
    reward_stand_still: float = setting(-0.5, "distance from the home pose when commanded to stand")
    reward_feet_air_time: float = setting(0.2, "long steps, when commanded to walk")
    reward_foot_slip: float = setting(-0.1, "squared velocity of feet on the ground")
    reward_termination: float = setting(-1.0, "falling before the command was changed")

    def __post_init__(self) -> None:
        for name in ("vx", "vy", "yaw", "friction"):
            least, most = getattr(self, f"{name}_min"), getattr(self, f"{name}_max")
            if least > most:
                raise UsageError(
                    f"env.{name}_min {least:g} is above env.{name}_max {most:g}",
                    "set both; give the same number twice for a fixed value",
                )

    @property
    def randomizes_start(self) -> bool:
        """True if initial states are randomised."""
        return any((self.initial_pose_noise, self.initial_yaw, self.initial_velocity))

    def curriculum(self, progress: float) -> Self:
        """Return the settings at `progress` (0 to 1) of the curriculum: faster and faster commands.

        The tracking reward is near 0 until a command is nearly met. A command of 1 m/s teaches
        nothing to a robot that stands, but does to one that walks at 0.8 m/s.
        """
        slow = max(self.vx_min, min(self.vx_max, SLOW))
        return replace(self, vx_max=slow + progress * (self.vx_max - slow))
