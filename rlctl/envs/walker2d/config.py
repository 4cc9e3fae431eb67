"""Settings of the walker: section `env`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class Walker2dConfig:
    """Walk forward; the defaults are Gymnasium's Walker2d-v5."""

    forward_reward_weight: float = setting(1.0, "reward per m/s of forward speed")
    ctrl_cost_weight: float = setting(1e-3, "weight of the squared control", low=0.0)
    healthy_reward: float = setting(1.0, "reward per step while healthy")
    terminate_when_unhealthy: bool = setting(True, "terminate when unhealthy: after a fall")
    healthy_z_min: float = setting(0.8, "lowest healthy height of the torso, m")
    healthy_z_max: float = setting(2.0, "greatest healthy height of the torso, m")
    healthy_angle_max: float = setting(1.0, "largest healthy lean of the torso, rad", low=0.0)
    reset_noise_scale: float = setting(
        5e-3, "half-width of the uniform initial noise, m, rad, m/s, rad/s", low=0.0
    )
