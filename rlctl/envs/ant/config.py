"""Settings of the ant: section `env`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class AntConfig:
    """Run forward; the defaults are Gymnasium's Ant-v5, contact forces left out."""

    forward_reward_weight: float = setting(1.0, "reward for a speed of 1 m/s forward")
    ctrl_cost_weight: float = setting(0.5, "cost of a squared control of 1", low=0.0)
    healthy_reward: float = setting(1.0, "reward of a step on its legs")
    terminate_when_unhealthy: bool = setting(True, "end the episode at a fall or a jump")
    healthy_z_min: float = setting(0.2, "lowest height of the torso, m")
    healthy_z_max: float = setting(1.0, "greatest height of the torso, m")
    reset_noise_scale: float = setting(
        0.1, "largest change of each first position, deviation of each first velocity", low=0.0
    )
