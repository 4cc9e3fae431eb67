"""Settings of Brax environments (section `env`) and their names."""

from dataclasses import dataclass

from rlctl.core.config import setting

NAMES = (
    "ant",
    "halfcheetah",
    "hopper",
    "humanoid",
    "humanoidstandup",
    "inverted_double_pendulum",
    "inverted_pendulum",
    "pusher",
    "reacher",
    "swimmer",
    "walker2d",
)


@dataclass(frozen=True)
class BraxConfig:
    """Brax's own environments."""

    backend: str = setting(
        "mjx",
        "Brax's physics pipeline",
        choices=("mjx", "generalized", "positional", "spring"),
    )
    episode_length: int = setting(1000, "control steps after which an episode is truncated", low=1)


def names() -> tuple[str, ...]:
    """Return the names of Brax's environments, except for the one for its tests."""
    return NAMES
