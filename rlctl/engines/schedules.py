"""Settings that fall to 0 over a training, such as PPO's learning rate and TRPO's trust region."""

from collections.abc import Callable

from rlctl.checkpoints.reading import Checkpoint


def scheduled(value: float, schedule: str, progress: float) -> float:
    """Return what a setting is, a share `progress` of the training's updates into it.

    Args:
        value: The setting's value at the start.
        schedule: `constant`, or `linear` to fall to 0.
        progress: From 0 to 1; more counts as 1.
    """
    return value * (max(1.0 - progress, 0.0) if schedule == "linear" else 1.0)


def warn_of_rise(
    name: str,
    value: float,
    schedule: str,
    checkpoint: Checkpoint,
    steps: int,
    warn: Callable[[str], None],
) -> None:
    """Warn where resuming for more steps makes a setting larger than it was.

    Args:
        name: The setting in words.
        value: Its value at the start of the training.
        schedule: See `scheduled`.
        checkpoint: Where the training goes on.
        steps: Environment steps in all, as asked for now.
        warn: Takes the message.
    """
    before = checkpoint.manifest["config"].get("train", {}).get("steps", steps)
    was, now = (scheduled(value, schedule, checkpoint.step / total) for total in (before, steps))
    if now > was:
        warn(
            f"the {name} falls over all {steps:,} steps now: it goes up from {was:.3g} to "
            f"{now:.3g}, and falls to 0 from there"
        )
