"""Settings of the pendulum: section `env`."""

import math
from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class PendulumConfig:
    """Swing up a pendulum; the defaults are dm_control's task."""

    start_angle: float = setting(
        math.pi, "largest initial angle from upright, rad", low=0.0, high=math.pi
    )
    upright_angle: float = setting(
        8.0, "largest angle that is rewarded, degrees", low=0.0, high=180.0
    )
