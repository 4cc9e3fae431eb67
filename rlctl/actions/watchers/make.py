"""Who watches a training, as its settings say."""

from collections.abc import Iterator
from pathlib import Path

from rlctl.actions.watchers import films, plot, wandb
from rlctl.actions.watchers.base import Watched, Watcher
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
        films.check(env, settings["env"])


def watchers(watched: Watched) -> Iterator[Watcher]:
    """Everyone the settings ask for.

    Raises:
        DeviceUnavailable: One cannot begin.
        OutOfSpace: One cannot write.
    """
    train = watched.settings["train"]
    if train.wandb:
        yield wandb.WandB(watched)
    if train.tensorboard:
        from rlctl.actions.watchers.tensorboard import TensorBoard

        yield TensorBoard(watched)
    if train.plot and plot.possible():
        yield plot.Plot(watched)
    if train.video_every:
        yield films.Films(watched)


def drawn(run: Path) -> tuple[Path | None, tuple[Path, ...]]:
    """The plot in a run's folder, None if there is none, and the films, the first one first."""
    curves = run / plot.NAME
    return curves if curves.is_file() else None, tuple(sorted((run / films.FOLDER).glob("*.mp4")))
