"""Factory of the training callbacks that the settings ask for."""

from collections.abc import Iterator
from pathlib import Path

from rlctl.callbacks import plot, videos, wandb
from rlctl.callbacks.base import Callback, TrainingInfo
from rlctl.core.config import Resolved
from rlctl.engines.config import TrainConfig

# Settings of callbacks; a resumed training may change them.
CHANGEABLE = ("train.plot", "train.video_every", "train.tensorboard", "train.wandb")


def validate(env: str, settings: Resolved) -> None:
    """Check that the callbacks in the settings can run here.

    Raises:
        RendererMissing: Videos cannot be rendered or encoded.
        DeviceUnavailable: A package or an account is missing.
    """
    train = settings[TrainConfig]
    if train.wandb:
        wandb.validate()
    if train.video_every:
        videos.validate(env, settings["env"])


def make_callbacks(training: TrainingInfo) -> Iterator[Callback]:
    """Build the callbacks that the settings ask for.

    Raises:
        DeviceUnavailable: A callback cannot start.
        OutOfSpace: A callback cannot write its files.
    """
    train = training.settings[TrainConfig]
    if train.wandb:
        yield wandb.WandB(training)
    if train.tensorboard:
        from rlctl.callbacks.tensorboard import TensorBoard

        yield TensorBoard(training)
    if train.plot and plot.is_available():
        yield plot.Plot(training)
    if train.video_every:
        yield videos.Videos(training)


def find_outputs(run: Path) -> tuple[Path | None, tuple[Path, ...]]:
    """Return the plot in a run's folder (None without one) and its videos, the oldest first."""
    curves = run / plot.NAME
    return curves if curves.is_file() else None, tuple(sorted((run / videos.FOLDER).glob("*.mp4")))
