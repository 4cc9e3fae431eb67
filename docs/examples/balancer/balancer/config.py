"""Settings of the balancer: section `env`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class BalancerConfig:
    """Initial states and reward scales."""

    start_lean: float = setting(0.1, "largest lean at the start, rad", low=0.0, high=0.4)
    reward_upright: float = setting(1.0, "every step until it falls")
    reward_drift: float = setting(-1.0, "squared distance from where it began")
    reward_torque: float = setting(-0.01, "squared torque, of its range")
