"""Fixtures for contracts of callbacks."""

from fake_training import training, wandb_calls  # noqa: F401
