"""Settings of the humanoid: section `env`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class HumanoidConfig:
    """Walk forward; the defaults are Gymnasium's Humanoid-v5, contact forces left out."""

    forward_reward_weight: float = setting(1.25, "reward per m/s of forward speed")
    ctrl_cost_weight: float = setting(0.1, "weight of the squared control", low=0.0)
    healthy_reward: float = setting(5.0, "reward per step while healthy")
    terminate_when_unhealthy: bool = setting(True, "terminate when unhealthy: after a fall")
    healthy_z_min: float = setting(1.0, "lowest healthy height of the torso, m")
    healthy_z_max: float = setting(2.0, "greatest healthy height of the torso, m")
    reset_noise_scale: float = setting(
        1e-2, "half-width of the uniform initial noise, m, rad, m/s, rad/s", low=0.0
    )
