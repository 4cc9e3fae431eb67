"""Settings of the pendulum: section `env`."""

import math
from dataclasses import dataclass, replace
from typing import Self

from rlctl.core.config import setting

NEAR_UPRIGHT = 0.3  # rad


@dataclass(frozen=True)
class PendulumConfig:
    """Swing up a pendulum; the defaults are dm_control's task."""

    start_angle: float = setting(
        math.pi, "largest start angle either way, rad; 0 is upright", low=0.0, high=math.pi
    )
    upright_angle: float = setting(
        8.0, "largest angle that is rewarded, degrees", low=0.0, high=180.0
    )

    def easier(self, share: float) -> Self:
        """Start near upright, then farther and farther away, after this share of the easy steps."""
        near = min(self.start_angle, NEAR_UPRIGHT)
        return replace(self, start_angle=near + share * (self.start_angle - near))
