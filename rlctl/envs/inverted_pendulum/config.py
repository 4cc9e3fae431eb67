"""Settings of the inverted pendulum: section `env`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class InvertedPendulumConfig:
    """Balance a pole on a cart; the defaults are Gymnasium's InvertedPendulum-v5."""

    reset_noise: float = setting(
        0.01, "half-width of the uniform initial noise, m, rad, m/s, rad/s", low=0.0
    )
    max_angle: float = setting(
        0.2, "pole angle that terminates the episode, rad", low=0.0, high=1.57
    )
