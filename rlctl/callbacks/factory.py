"""Who watches a training, as its settings say."""

from collections.abc import Iterator
from pathlib import Path

from rlctl.callbacks import plot, videos, wandb
from rlctl.callbacks.base import Callback, TrainingInfo
from rlctl.core.config import Resolved

CHANGEABLE = ("train.plot", "train.video_every", "train.tensorboard", "train.wandb")


def check(env: str, settings: Resolved) -> None:
    """Check that everything the settings ask for can be drawn and logged.

    Raises:
        RendererMissing: There is nothing to film with.
        DeviceUnavailable: A package or an account is missing.
    """
    train = settings["train"]
    if train.wandb:
        wandb.check()
    if train.video_every:
        videos.check(env, settings["env"])


def callbacks(info: TrainingInfo) -> Iterator[Callback]:
    """Everyone the settings ask for.

    Raises:
        DeviceUnavailable: One cannot begin.
        OutOfSpace: One cannot write.
    """
    train = info.settings["train"]
    if train.wandb:
        yield wandb.WandB(info)
    if train.tensorboard:
        from rlctl.callbacks.tensorboard import TensorBoard

        yield TensorBoard(info)
    if train.plot and plot.possible():
        yield plot.Plot(info)
    if train.video_every:
        yield videos.Videos(info)


def drawn(run: Path) -> tuple[Path | None, tuple[Path, ...]]:
    """The plot in a run's folder, None if there is none, and the films, the first one first."""
    curves = run / plot.NAME
    return curves if curves.is_file() else None, tuple(sorted((run / videos.FOLDER).glob("*.mp4")))
