"""Settings of the ant: section `env`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class AntConfig:
    """Run forward; the defaults are Gymnasium's Ant-v5, contact forces left out."""

    forward_reward_weight: float = setting(1.0, "reward per m/s of forward speed")
    ctrl_cost_weight: float = setting(0.5, "weight of the squared control", low=0.0)
    healthy_reward: float = setting(1.0, "reward per step while healthy")
    terminate_when_unhealthy: bool = setting(
        True, "terminate when unhealthy: after a fall or a jump"
    )
    healthy_z_min: float = setting(0.2, "lowest healthy height of the torso, m")
    healthy_z_max: float = setting(1.0, "greatest healthy height of the torso, m")
    reset_noise_scale: float = setting(
        0.1, "initial noise: half-width (uniform) of positions, std (normal) of velocities", low=0.0
    )
