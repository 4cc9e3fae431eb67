"""Settings of the reacher: section `env`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class ReacherConfig:
    """Reach a target; the defaults are Gymnasium's Reacher-v5."""

    reward_dist_weight: float = setting(1.0, "cost of a distance of 1 m to the target", low=0.0)
    reward_control_weight: float = setting(1.0, "cost of a squared control of 1", low=0.0)
