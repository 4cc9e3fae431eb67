"""Settings of the swimmer: section `env`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class SwimmerConfig:
    """Swim forward; the defaults are Gymnasium's Swimmer-v5."""

    forward_reward_weight: float = setting(1.0, "reward per m/s of forward speed")
    ctrl_cost_weight: float = setting(1e-4, "weight of the squared control", low=0.0)
    reset_noise_scale: float = setting(
        0.1, "half-width of the uniform initial noise, m, rad, m/s, rad/s", low=0.0
    )
