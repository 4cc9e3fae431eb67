"""Fixtures for callbacks."""

from fake_training import training  # noqa: F401
from fake_training import wandb_calls as calls  # noqa: F401
