"""Schedules of settings that may decay to 0, as PPO's learning rate and TRPO's trust region."""

from collections.abc import Callable

from rlctl.checkpoints.reading import Checkpoint


def scheduled(value: float, schedule: str, progress: float) -> float:
    """Return a setting's value at a point of the training.

    Args:
        value: The setting's value at the start.
        schedule: `constant`, or `linear` for a decay to 0.
        progress: Fraction of the training's updates done, 0 to 1; more counts as 1.
    """
    return value * (max(1.0 - progress, 0.0) if schedule == "linear" else 1.0)


def warn_if_rising(
    name: str,
    value: float,
    schedule: str,
    checkpoint: Checkpoint,
    steps: int,
    warn: Callable[[str], None],
) -> None:
    """Warn if resuming with more total steps raises a scheduled setting.

    Args:
        name: Name of the setting for the message.
        value: Its value at the start of the training.
        schedule: See `scheduled`.
        checkpoint: The checkpoint that is resumed.
        steps: Total environment steps, as requested now.
        warn: Called with the message.
    """
    before = checkpoint.manifest["config"].get("train", {}).get("steps", steps)
    was, now = (scheduled(value, schedule, checkpoint.step / total) for total in (before, steps))
    if now > was:
        warn(
            f"the {name} now decays over all {steps:,} steps: it rises from {was:.3g} to "
            f"{now:.3g}, then decays to 0"
        )
