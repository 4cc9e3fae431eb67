"""Settings of the half-cheetah: section `env`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class HalfCheetahConfig:
    """Run forward; the defaults are Gymnasium's HalfCheetah-v5."""

    forward_reward_weight: float = setting(1.0, "reward for a speed of 1 m/s forward")
    ctrl_cost_weight: float = setting(0.1, "cost of a squared control of 1", low=0.0)
    reset_noise_scale: float = setting(
        0.1, "largest change of each first position, deviation of each first velocity", low=0.0
    )
