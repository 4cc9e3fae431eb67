"""Settings of the inverted double pendulum: section `env`."""

from dataclasses import dataclass

from rlctl.core.config import setting


@dataclass(frozen=True)
class InvertedDoublePendulumConfig:
    """Balance two poles on a cart; the defaults are Gymnasium's InvertedDoublePendulum-v5."""

    healthy_reward: float = setting(10.0, "reward per step with the tip above 1 m")
    reset_noise_scale: float = setting(
        0.1, "initial noise: half-width (uniform) of positions, std (normal) of velocities", low=0.0
    )
