"""Fixtures of the contracts."""

from fake_training import training, wandb_calls  # noqa: F401
from rollouts.conftest import actor  # noqa: F401
