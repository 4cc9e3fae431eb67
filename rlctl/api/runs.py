"""Trainings: their settings, themselves, and what they measured."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rlctl.api import arguments
from rlctl.api.arguments import Device, PathLike, Physics, Settings
from rlctl.api.telling import Bar, Row, rows
from rlctl.core.device import select
from rlctl.core.progress import Event, Progress
from rlctl.core.signals import StopFlag

if TYPE_CHECKING:
    from rlctl.actions.config import SettingsReport
    from rlctl.actions.metrics import RunMetrics
    from rlctl.actions.train import TrainReport


def train(
    env: str | None = None,
    *,
    algo: str | None = None,
    steps: int | float | None = None,
    num_envs: int | None = None,
    seed: int | None = None,
    physics: Physics | None = None,
    save_every: int | float | None = None,
    video_every: int | float | None = None,
    tensorboard: bool | None = None,
    wandb: bool | None = None,
    settings: Settings | None = None,
    config: PathLike | None = None,
    out: PathLike | None = None,
    init_from: PathLike | None = None,
    resume: PathLike | None = None,
    device: Device = "auto",
    progress: bool = True,
    callback: Callable[[Row], Any] | None = None,
) -> "TrainReport":
    """Train a policy, or go on with a training that was stopped.

    Ctrl-C and SIGTERM stop the training at any moment, with everything up to the last update saved.

    Args:
        env: The environment, as `rlctl envs` lists it; may be left out with `resume`.
        algo: `ppo` (the default) or `trpo`.
        steps: Environment steps in all; 2e6 will do as well as 2_000_000.
        num_envs: Environments stepped together.
        seed: Of everything random.
        physics: The physics back end; left out, the fastest for the environment and device.
        save_every: Steps between two checkpoints.
        video_every: Steps between two films.
        tensorboard: Whether to write the figures for TensorBoard into the run.
        wandb: Whether to log the figures to Weights & Biases.
        settings: Any setting by its full name, e.g. `{"ppo.learning_rate": 1e-3}`; `rlctl.config`
            shows all of them. The arguments above win over these.
        config: A TOML file of settings, which all others win over.
        out: The run's folder, which must be new; left out, one under `runs`.
        init_from: A checkpoint whose policy is the start, named as for `load_policy`.
        resume: A run to go on with, by folder or name; `steps` may extend it.
        device: Where to compute. The first call of a process decides.
        progress: Whether to show a progress bar on terminals and in notebooks.
        callback: Called after every update and evaluation with its row of metrics, a dict whose
            `kind` is `train` or `eval`. What it returns is ignored. `rlctl.StopTraining` raised in
            it ends the training early; any other exception does so too, and is raised again.

    Returns:
        What the training gave: the run's folder, steps, checkpoints, the last evaluation.

    Raises:
        UsageError: A name or setting that cannot be used; nothing was written.
        DeviceUnavailable: The device is not there, or another one is in use in this process.
        Diverged: Values that are not finite; the last checkpoint is intact.
        Stopped: Ctrl-C or SIGTERM; all is saved, and the message says how to go on.
        StoppedUnsaved: The same, before there was anything to save.
        RlctlError: Anything else that can go wrong; see the classes of errors.

    Example:
        ```python
        report = rlctl.train("pendulum", steps=200_000, seed=1, settings={"env.start_angle": 0.3})
        print(report.mean_return, report.best_checkpoint)
        ```
    """
    given = {
        "steps": steps,
        "num_envs": num_envs,
        "seed": seed,
        "physics": physics,
        "save_every": save_every,
        "video_every": video_every,
        "tensorboard": tensorboard,
        "wandb": wandb,
    }
    select(device)
    from rlctl.actions.train import Listener, TrainRequest
    from rlctl.actions.train import train as train_action

    request = TrainRequest(
        env=env,
        algo=algo,
        resume=arguments.text(resume),
        out=arguments.file(out),
        config=arguments.file(config),
        overrides=arguments.named(settings, "train", given),
        init_from=arguments.text(init_from),
    )
    with Bar(progress) as bar, StopFlag(bar.stopping, exits=False) as stop:
        hearing = [bar.hear, *([rows(callback)] if callback else [])]

        def hear(event: Event) -> None:
            for listener in hearing:
                listener(event)

        return train_action(request, Progress(), stop, Listener(hear))


def config(
    env: str,
    algo: str = "ppo",
    *,
    settings: Settings | None = None,
    config: PathLike | None = None,
    device: Device = "auto",
) -> "SettingsReport":
    """Show every setting that a training would have, and where each comes from.

    Args:
        env: The environment.
        algo: The algorithm.
        settings: Settings by their full names, as for `train`.
        config: A TOML file of settings.
        device: What the training would compute on; presets may depend on it.

    Returns:
        A mapping from "section.key" to the value, with `origins` and, row by row, what each
        setting means (`rows()`). `train` takes it, or a changed copy of it, as `settings`.

    Raises:
        UsageError: A name or setting that cannot be used.
        NotFound: There is no such file.

    Example:
        ```python
        found = rlctl.config("pendulum", settings={"ppo.learning_rate": 1e-3})
        found["ppo.learning_rate"], found.origins["ppo.learning_rate"]
        ```
    """
    from rlctl.actions.config import show

    return show(env, algo, arguments.file(config), dict(settings or {}), device)


def read_metrics(run: PathLike | None = None) -> "RunMetrics":
    """Read what a run has measured, as columns of numbers.

    Args:
        run: The run, by folder or name, or the report of its training; left out, the latest one.
            It may still be training.

    Returns:
        The columns by name, those of updates in `train` and those of evaluations in `eval`.

    Raises:
        NotFound: There is no such run, or it has no metrics yet.

    Example:
        ```python
        metrics = rlctl.read_metrics("runs/a")
        metrics.eval["steps"], metrics.eval["return/mean"]
        pandas.DataFrame(metrics.train)
        ```
    """
    from rlctl.actions.metrics import read_metrics as read

    return read(arguments.text(run))
