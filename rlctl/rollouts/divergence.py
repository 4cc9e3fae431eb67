"""Saying which environment diverged."""

import numpy as np

from rlctl.core.errors import Diverged
from rlctl.rollouts.episode_stats import BAD_NAMES


def diverged(bad: np.ndarray, first: int, step: int) -> Diverged:
    """The error that names the first bad environment of one step.

    Args:
        bad: (n,) int, as episodes.find_bad gives it, not all fine.
        first: Index of the first of these environments.
        step: Control step.
    """
    rows = np.flatnonzero(bad)
    quantity, environment = BAD_NAMES[bad[rows[0]]], first + int(rows[0])
    return Diverged(
        f"the {quantity} of environment {environment} is not finite at step {step} "
        f"({len(rows)} of {len(bad)} environments)",
        "the last checkpoint is intact; lower the learning rate or the physics timestep, "
        "or go on with --set train.on_nonfinite=reset",
        data={"quantity": quantity, "environment": environment, "step": step},
    )
