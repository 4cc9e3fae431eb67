"""Settings of the pusher: section `env`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class PusherConfig:
    """Push an object to its goal; the defaults are Gymnasium's Pusher-v5."""

    reward_near_weight: float = setting(
        0.5, "cost of a distance of 1 m from fingertips to object", low=0.0
    )
    reward_dist_weight: float = setting(1.0, "cost of a distance of 1 m to the goal", low=0.0)
    reward_control_weight: float = setting(0.1, "cost of a squared control of 1", low=0.0)
