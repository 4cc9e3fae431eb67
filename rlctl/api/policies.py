"""Load, evaluate and render policies."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rlctl.api import arguments
from rlctl.api.arguments import Backend, Command, Device, PathLike, Physics, Schedule, Settings
from rlctl.api.progress import Bar, warn
from rlctl.core.config import setting
from rlctl.core.device import select
from rlctl.core.progress import Progress

if TYPE_CHECKING:
    from rlctl.actions.evaluate import EvalReport
    from rlctl.actions.render import Rendered
    from rlctl.policies.base import Policy


@dataclass(frozen=True)
class _VideoNumbers:
    """Numeric arguments of `render`; `RenderRequest` and `RenderOptions` check their ranges."""

    steps: int | None = setting(None, "control steps")
    seed: int = setting(0, "seed")
    num_envs: int = setting(1, "environments")
    size: tuple[int, int] | None = setting(None, "width and height of a tile")
    fps: float | None = setting(None, "frames per second")


def load_policy(
    ckpt: PathLike | None = None,
    *,
    env: str | None = None,
    backend: Backend = "numpy",
    device: Device = "auto",
) -> "Policy":
    """Load the policy of a checkpoint.

    Args:
        ckpt: As `--ckpt` on the command line: a run (by folder, by name, or the report of its
            training), a checkpoint folder, `RUN@STEP`, `latest`, `best`, `shipped:ENV`, or an
            environment's name. Default: the best checkpoint of the latest run.
        env: Environment that it must belong to; default: any.
        backend: Framework that computes the actions.
        device: Device of JAX or PyTorch.

    Returns:
        The policy; `policy.act(observation)` returns the action. It includes the observation
        normaliser.

    Raises:
        NotFound: There is no such checkpoint or run.
        Damaged: A digest of the checkpoint does not match.
        Incompatible: It is of another environment, another tool or a newer version.
        DeviceUnavailable: The back end is not installed, or the device is missing.

    Example:
        ```python
        policy = rlctl.load_policy("shipped:pendulum")
        action = policy.act(observation)  # (O,) or (N, O) in, (A,) or (N, A) out
        ```
    """
    if backend != "numpy":
        select(device)
    from rlctl.checkpoints import find
    from rlctl.policies.base import policy_of

    checkpoint = find.open_checkpoint(arguments.checkpoint_name(ckpt), env, warn=warn)
    return policy_of(checkpoint, backend, device)


def evaluate(
    ckpt: PathLike | None = None,
    *,
    env: str | None = None,
    episodes: int = 10,
    seed: int = 0,
    stochastic: bool = False,
    max_episode_steps: int | None = None,
    min_return: float | None = None,
    save_trajectories: PathLike | None = None,
    command: Command | None = None,
    command_schedule: Schedule | None = None,
    clip_command: bool = False,
    settings: Settings | None = None,
    physics: Physics = "auto",
    backend: Backend = "numpy",
    device: Device = "auto",
    progress: bool = True,
) -> "EvalReport":
    """Evaluate a policy over whole episodes.

    Args:
        ckpt: The policy, named as for `load_policy`.
        env: Environment that it must belong to; default: any.
        episodes: Number of episodes.
        seed: Seed of initial states and noise.
        stochastic: Whether to sample actions instead of taking their mean.
        max_episode_steps: Time limit in control steps; default: that of the environment.
        min_return: Mean return below which CheckFailed is raised.
        save_trajectories: An .npz file to write all steps to.
        command: Fixed command, e.g. `{"vx": 1.0}`; components left out are 0.
        command_schedule: Commands by episode time in seconds, e.g.
            `{0: {"vx": 1}, 4: {"vx": 0}}`.
        clip_command: Whether to clip commands to the training range.
        settings: Environment settings that differ from the training's, `{"env.KEY": value}`.
        physics: The physics back end.
        backend: Framework that runs the policy.
        device: `auto`, `cpu`, `gpu` or `cuda`.
        progress: Whether to show a progress bar on terminals and in notebooks.

    Returns:
        Returns and lengths of all episodes, and their statistics.

    Raises:
        CheckFailed: The mean return is below `min_return`; `error.data` contains the report.
        UsageError: An argument or setting is not valid.
        NotFound, Damaged, Incompatible: As `load_policy`.
        RlctlError: Any other error.

    Example:
        ```python
        report = rlctl.evaluate("shipped:pendulum", episodes=20)
        report.mean_return, report.returns.std(), report.summary["terms"]
        ```
    """
    select(device)
    from rlctl.actions.evaluate import EvalRequest, NumericOptions
    from rlctl.actions.evaluate import evaluate as evaluate_action

    numbers = arguments.validate(
        NumericOptions,
        episodes=episodes,
        seed=seed,
        max_episode_steps=max_episode_steps,
        min_return=min_return,
    )
    request = EvalRequest(
        env=env,
        ckpt=arguments.checkpoint_name(ckpt),
        **asdict(numbers),
        stochastic=stochastic,
        physics=physics,
        backend=backend,
        save_trajectories=arguments.file(save_trajectories),
        command_override=arguments.command_override(command, command_schedule, clip_command),
        overrides=arguments.values(settings),
    )
    with Bar(progress) as bar:
        return evaluate_action(request, Progress(bar.on_event), warn)


def render(
    ckpt: PathLike | Sequence[PathLike] | None = None,
    *,
    out: PathLike | None = None,
    env: str | None = None,
    steps: int | None = None,
    seed: int = 0,
    num_envs: int = 1,
    camera: str | None = None,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    command: Command | None = None,
    command_schedule: Schedule | None = None,
    clip_command: bool = False,
    settings: Settings | None = None,
    physics: Physics = "auto",
    backend: Backend = "numpy",
    device: Device = "auto",
    progress: bool = True,
) -> "Rendered":
    """Render a video of a policy; no display is needed.

    Args:
        ckpt: The policy, named as for `load_policy`; a list of up to 4 is rendered side by
            side.
        out: The file: .mp4, .webm or .gif, or .png for a contact sheet. Default: ENV-STEP.mp4 in
            the current folder, which must not exist.
        env: Environment that it must belong to; default: any.
        steps: Control steps to render; default: 10 s, or one episode if that is shorter.
        seed: Seed of the initial state and the noise.
        num_envs: Environments to show, each in a tile.
        camera: A camera of the environment, or `free`; default: its first.
        size: Width and height of a tile, pixels.
        fps: Frames per second, at real-time speed.
        command: As for `evaluate`.
        command_schedule: As for `evaluate`.
        clip_command: As for `evaluate`.
        settings: As for `evaluate`.
        physics: The physics back end.
        backend: Framework that runs the policy.
        device: `auto`, `cpu`, `gpu` or `cuda`.
        progress: Whether to show a progress bar on terminals and in notebooks.

    Returns:
        The file, its size and length, and the return of every robot in it.

    Raises:
        UsageError: A camera, size, file name or setting is not valid.
        RendererMissing: There is no OpenGL platform or no FFmpeg.
        NotFound, Damaged, Incompatible: As `load_policy`.
        RlctlError: Any other error.

    Example:
        ```python
        video = rlctl.render("shipped:pendulum", out="pendulum.mp4", steps=100)
        video.path, video.seconds, video.returns
        ```
    """
    select(device)
    from rlctl.actions.render import render as render_action
    from rlctl.actions.videos.request import RenderRequest
    from rlctl.rendering.options import RenderOptions

    numbers = arguments.validate(
        _VideoNumbers, steps=steps, seed=seed, num_envs=num_envs, size=size, fps=fps
    )
    first, *others = arguments.checkpoint_names(ckpt)
    request = RenderRequest(
        steps=numbers.steps,
        seed=numbers.seed,
        physics=physics,
        backend=backend,
        command_override=arguments.command_override(command, command_schedule, clip_command),
        num_envs=numbers.num_envs,
        other_ckpts=tuple(other or "best" for other in others),
        overrides=arguments.values(settings),
    )
    with Bar(progress) as bar:
        return render_action(
            arguments.file(out),
            env,
            first,
            request,
            RenderOptions(camera, numbers.size, numbers.fps),
            Progress(bar.on_event),
            warn,
        )
