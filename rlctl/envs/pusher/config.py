"""Settings of the pusher: section `env`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class PusherConfig:
    """Push an object to its goal; the defaults are Gymnasium's Pusher-v5."""

    reward_near_weight: float = setting(0.5, "cost per m between fingertips and object", low=0.0)
    reward_dist_weight: float = setting(1.0, "cost per m between object and goal", low=0.0)
    reward_control_weight: float = setting(0.1, "weight of the squared control", low=0.0)
