"""Train policies, show settings, read metrics."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rlctl.api import arguments
from rlctl.api.arguments import Device, PathLike, Physics, Settings
from rlctl.api.progress import Bar, Row, metrics_listener
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
    devices: int | None = None,
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
        env: The environment, as `rlctl envs` lists it; optional with `resume`.
        algo: `ppo` (the default) or `trpo`.
        steps: Environment steps in all; 2e6 and 2_000_000 are the same.
        num_envs: Environments stepped in parallel.
        devices: Devices that share the environments; default: 1.
        seed: Seed of all random numbers.
        physics: The physics back end; default: the fastest for the environment and device.
        save_every: Steps between two checkpoints.
        video_every: Steps between two videos.
        tensorboard: Whether to write metrics for TensorBoard into the run.
        wandb: Whether to log metrics to Weights & Biases.
        settings: Any setting by its full name, e.g. `{"ppo.learning_rate": 1e-3}`; `rlctl.config`
            shows all of them. The arguments above override these.
        config: A TOML file of settings; `settings` and the arguments above override it.
        out: Folder of the run, which must be new; default: one under `runs`.
        init_from: Checkpoint to initialise the policy from, named as for `load_policy`.
        resume: A run to resume, by folder or name; `steps` may extend it.
        device: `auto`, `cpu`, `gpu` or `cuda`. The first call in a process sets it for all others.
        progress: Whether to show a progress bar on terminals and in notebooks.
        callback: Called after every update and evaluation with its row of metrics, a dict whose
            `kind` is `train` or `eval`. What it returns is ignored. If it raises
            `rlctl.StopTraining`, the training ends early. Any other exception also ends it, and is
            raised again after the state is saved.

    Returns:
        The report: folder of the run, steps, checkpoints and the last evaluation.

    Raises:
        UsageError: A name or setting is not valid; nothing was written.
        DeviceUnavailable: The device is missing, or this process already uses another one.
        Diverged: Values are not finite; the last checkpoint is intact.
        Stopped: Ctrl-C or SIGTERM; the state is saved, and the message says how to resume.
        StoppedUnsaved: Ctrl-C or SIGTERM before there was anything to save.
        RlctlError: Any other error; see the classes of errors.

    Example:
        ```python
        report = rlctl.train("pendulum", steps=200_000, seed=1, settings={"env.start_angle": 0.3})
        print(report.mean_return, report.best_checkpoint)
        ```
    """
    given = {
        "train.steps": steps,
        "train.num_envs": num_envs,
        "train.devices": devices,
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
        resume=arguments.checkpoint_name(resume),
        out=arguments.file(out),
        config=arguments.file(config),
        overrides={**arguments.values(settings), **given},
        init_from=arguments.checkpoint_name(init_from),
    )
    with Bar(progress) as bar, StopFlag(bar.stopping, exits=False) as stop:
        on_metrics = metrics_listener(callback) if callback else None

        def on_event(event: Event) -> None:
            bar.on_event(event)
            if on_metrics:
                on_metrics(event)

        return train_action(request, Progress(), stop, Listener(on_event))


def config(
    env: str,
    algo: str = "ppo",
    *,
    settings: Settings | None = None,
    config: PathLike | None = None,
    device: Device = "auto",
) -> "SettingsReport":
    """Return all settings of a training and their origins.

    Args:
        env: The environment.
        algo: The algorithm.
        settings: Settings by their full names, as for `train`.
        config: A TOML file of settings.
        device: Device of the training; presets may depend on it.

    Returns:
        A mapping from "section.key" to the value, with `origins` and with the meaning of each
        setting (`rows()`). `train` accepts it, or a changed copy, as `settings`.

    Raises:
        UsageError: A name, setting or device is not valid.
        NotFound: There is no such file.

    Example:
        ```python
        resolved = rlctl.config("pendulum", settings={"ppo.learning_rate": 1e-3})
        resolved["ppo.learning_rate"], resolved.origins["ppo.learning_rate"]
        ```
    """
    from rlctl.actions.config import show

    return show(env, algo, arguments.file(config), arguments.values(settings), device)


def read_metrics(run: PathLike | None = None) -> "RunMetrics":
    """Read the metrics of a run as columns of numbers.

    Args:
        run: The run, by folder or name, or the report of its training; default: the latest.
            The training may still be running.

    Returns:
        Columns by name: `train` has a row per update, `eval` one per evaluation.

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

    return read(arguments.checkpoint_name(run))
