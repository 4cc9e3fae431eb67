"""Trainings: run them, show their settings, read what they measured."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rlctl.api import arguments
from rlctl.api.arguments import Device, PathLike, Physics, Settings
from rlctl.api.progress import Bar, Row, rows
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
    """Train a policy, or resume a training.

    Ctrl-C and SIGTERM stop the training at any moment; everything up to the last update is saved.

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
        config: A TOML file of settings; `settings` and the arguments above win over it.
        out: The run's folder, which must be new; left out, one under `runs`.
        init_from: A checkpoint whose policy is the start, named as for `load_policy`.
        resume: A run to resume, by folder or name; `steps` may extend it.
        device: Where to compute. The first call of a process decides for all that follow.
        progress: Whether to show a progress bar on terminals and in notebooks.
        callback: Called after every update and evaluation with its row of metrics, a dict whose
            `kind` is `train` or `eval`. What it returns is ignored. If it raises
            `rlctl.StopTraining`, the training ends early; any other exception ends it too, and is
            raised again once the state is saved.

    Returns:
        The report: the run's folder, steps, checkpoints, the last evaluation.

    Raises:
        UsageError: A name or setting that cannot be used; nothing was written.
        DeviceUnavailable: The device is not there, or another one is in use in this process.
        Diverged: Values that are not finite; the last checkpoint is intact.
        Stopped: Ctrl-C or SIGTERM; all is saved, and the message says how to resume.
        StoppedUnsaved: Ctrl-C or SIGTERM before there was anything to save.
        RlctlError: Anything else that can go wrong; see the classes of errors.

    Example:
        ```python
        report = rlctl.train("pendulum", steps=200_000, seed=1, settings={"env.start_angle": 0.3})
        print(report.mean_return, report.best_checkpoint)
        ```
    """
    given = {
        "train.steps": steps,
        "train.num_envs": num_envs,
        "train.seed": seed,
        "train.physics": physics,
        "train.save_every": save_every,
        "train.video_every": video_every,
        "train.tensorboard": tensorboard,
        "train.wandb": wandb,
    }
    given = {name: value for name, value in given.items() if value is not None}
    select(device)
    from rlctl.actions.train import Listener, TrainRequest
    from rlctl.actions.train import train as train_action

    request = TrainRequest(
        env=env,
        algo=algo,
        resume=arguments.text(resume),
        out=arguments.file(out),
        config=arguments.file(config),
        overrides={**arguments.values(settings), **given},
        init_from=arguments.text(init_from),
    )
    with Bar(progress) as bar, StopFlag(bar.stopping, exits=False) as stop:
        call_back = rows(callback) if callback else None

        def on_event(event: Event) -> None:
            bar.on_event(event)
            if call_back:
                call_back(event)

        return train_action(request, Progress(), stop, Listener(on_event))


def config(
    env: str,
    algo: str = "ppo",
    *,
    settings: Settings | None = None,
    config: PathLike | None = None,
    device: Device = "auto",
) -> "SettingsReport":
    """Return every setting that a training would have, and where each comes from.

    Args:
        env: The environment.
        algo: The algorithm.
        settings: Settings by their full names, as for `train`.
        config: A TOML file of settings.
        device: Where the training would compute; presets may depend on it.

    Returns:
        A mapping from "section.key" to the value, with `origins` and, row by row, what each
        setting means (`rows()`). `train` takes it, or a changed copy of it, as `settings`.

    Raises:
        UsageError: A name, setting or device that cannot be used.
        NotFound: There is no such file.

    Example:
        ```python
        found = rlctl.config("pendulum", settings={"ppo.learning_rate": 1e-3})
        found["ppo.learning_rate"], found.origins["ppo.learning_rate"]
        ```
    """
    from rlctl.actions.config import show

    return show(env, algo, arguments.file(config), arguments.values(settings), device)


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
