"""Settings of the reacher: section `env`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class ReacherConfig:
    """Reach a target; the defaults are Gymnasium's Reacher-v5."""

    reward_dist_weight: float = setting(1.0, "cost per m between fingertip and target", low=0.0)
    reward_control_weight: float = setting(1.0, "weight of the squared control", low=0.0)
