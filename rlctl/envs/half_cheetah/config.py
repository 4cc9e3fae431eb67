"""Settings of the half-cheetah: section `env`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class HalfCheetahConfig:
    """Run forward; the defaults are Gymnasium's HalfCheetah-v5."""

    forward_reward_weight: float = setting(1.0, "reward per m/s of forward speed")
    ctrl_cost_weight: float = setting(0.1, "weight of the squared control", low=0.0)
    reset_noise_scale: float = setting(
        0.1, "initial noise: half-width (uniform) of positions, std (normal) of velocities", low=0.0
    )
