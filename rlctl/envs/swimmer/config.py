"""Settings of the swimmer: section `env`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class SwimmerConfig:
    """Swim forward; the defaults are Gymnasium's Swimmer-v5."""

    forward_reward_weight: float = setting(1.0, "reward for a speed of 1 m/s forward")
    ctrl_cost_weight: float = setting(1e-4, "cost of a squared control of 1", low=0.0)
    reset_noise_scale: float = setting(
        0.1, "largest change of each number of the first state, m, rad, m/s, rad/s", low=0.0
    )
