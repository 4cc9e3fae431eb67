"""Settings of the walker: section `env`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class Walker2dConfig:
    """Walk forward; the defaults are Gymnasium's Walker2d-v5."""

    forward_reward_weight: float = setting(1.0, "reward for a speed of 1 m/s forward")
    ctrl_cost_weight: float = setting(1e-3, "cost of a squared control of 1", low=0.0)
    healthy_reward: float = setting(1.0, "reward of a step upright")
    terminate_when_unhealthy: bool = setting(True, "end the episode at a fall")
    healthy_z_min: float = setting(0.8, "torso height below which it has fallen, m")
    healthy_z_max: float = setting(2.0, "torso height above which it has taken off, m")
    healthy_angle_max: float = setting(1.0, "torso lean at which it has fallen, rad", low=0.0)
    reset_noise_scale: float = setting(
        5e-3, "largest change of each number of the first state, m, rad, m/s, rad/s", low=0.0
    )
