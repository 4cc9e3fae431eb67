"""Policies that act: in episodes, in films, and in the user's own code."""

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
class _FilmNumbers:
    """The numbers among the arguments of a video.

    `RenderRequest` and `RenderOptions` check their ranges.
    """

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
    """Load the policy of a checkpoint, ready to act.

    Args:
        ckpt: What `--ckpt` of the command line takes: a run (by folder, by name, or the report of
            its training), a checkpoint's folder, `RUN@STEP`, `latest`, `best`, `shipped:ENV`, or
            an environment's name. Left out: the best checkpoint of the latest run.
        env: The environment it must be of; left out, any.
        backend: What computes the actions.
        device: Where JAX or PyTorch compute.

    Returns:
        The policy; `policy.act(observation)` gives the action. Its normaliser is inside.

    Raises:
        NotFound: There is no such checkpoint or run.
        Damaged: The checkpoint is not what was written.
        Incompatible: It is of another environment, of another tool or of a newer version.
        DeviceUnavailable: The back end is not installed, or the device is not there.

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

    checkpoint = find.open_checkpoint(arguments.text(ckpt), env, warn=warn)
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
    """Play whole episodes with a policy, and measure them.

    Args:
        ckpt: The policy, named as for `load_policy`.
        env: The environment it must be of; left out, any.
        episodes: How many.
        seed: Of first states and all noise.
        stochastic: Whether to sample actions instead of taking their mean.
        max_episode_steps: A time limit instead of the environment's own.
        min_return: The mean return below which CheckFailed is raised.
        save_trajectories: A file (.npz) to write every step to.
        command: What to command, e.g. `{"vx": 1.0}`; what is not named is 0.
        command_schedule: Commands by seconds of an episode, e.g. `{0: {"vx": 1}, 4: {"vx": 0}}`.
        clip_command: Whether to keep commands within those of the training.
        settings: Settings of the environment that differ from the training's, `{"env.KEY": value}`.
        physics: The physics back end.
        backend: What computes the policy.
        device: Where to compute.
        progress: Whether to show a progress bar on terminals and in notebooks.

    Returns:
        Returns and lengths of all episodes, and their statistics.

    Raises:
        CheckFailed: The mean return is under `min_return`; `error.data` has the figures.
        UsageError: An argument or setting that cannot be used.
        NotFound, Damaged, Incompatible: As `load_policy`.
        RlctlError: Anything else that can go wrong.

    Example:
        ```python
        report = rlctl.evaluate("shipped:pendulum", episodes=20)
        report.mean_return, report.returns.std(), report.summary["terms"]
        ```
    """
    select(device)
    from rlctl.actions.evaluate import EvalRequest, NumericOptions
    from rlctl.actions.evaluate import evaluate as evaluate_action

    numbers = arguments.checked(
        NumericOptions,
        episodes=episodes,
        seed=seed,
        max_episode_steps=max_episode_steps,
        min_return=min_return,
    )
    request = EvalRequest(
        env=env,
        ckpt=arguments.text(ckpt),
        **asdict(numbers),
        stochastic=stochastic,
        physics=physics,
        backend=backend,
        save_trajectories=arguments.file(save_trajectories),
        command_override=arguments.told(command, command_schedule, clip_command),
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
    """Film a policy, without a display.

    Args:
        ckpt: The policy, named as for `load_policy`; a list of up to 4 to film them side by side.
        out: The file: .mp4, .webm or .gif, or .png for a contact sheet; left out, ENV-STEP.mp4 in
            the current folder, which must not exist yet.
        env: The environment it must be of; left out, any.
        steps: Control steps to film; left out, 10 s, or an episode if that is shorter.
        seed: Of the first state and of all noise.
        num_envs: Environments to film, each in a tile of its own.
        camera: A camera of the environment, or `free`; left out, its first.
        size: Width and height of a tile, pixels.
        fps: Frames per second, at true speed.
        command: As for `evaluate`.
        command_schedule: As for `evaluate`.
        clip_command: As for `evaluate`.
        settings: As for `evaluate`.
        physics: The physics back end.
        backend: What computes the policy.
        device: Where to compute.
        progress: Whether to show a progress bar on terminals and in notebooks.

    Returns:
        The file, its size and length, and the return of every robot in it.

    Raises:
        UsageError: A camera, size, file name or setting that cannot be used.
        RendererMissing: There is nothing to draw or to encode with.
        NotFound, Damaged, Incompatible: As `load_policy`.
        RlctlError: Anything else that can go wrong.

    Example:
        ```python
        film = rlctl.render("shipped:pendulum", out="pendulum.mp4", steps=100)
        film.path, film.seconds, film.returns
        ```
    """
    select(device)
    from rlctl.actions.render import render as film
    from rlctl.actions.videos.request import RenderRequest
    from rlctl.rendering.options import RenderOptions

    numbers = arguments.checked(
        _FilmNumbers, steps=steps, seed=seed, num_envs=num_envs, size=size, fps=fps
    )
    several = isinstance(ckpt, Sequence) and not isinstance(ckpt, str)
    first, *others = ckpt or [None] if several else [ckpt]
    shot = RenderRequest(
        steps=numbers.steps,
        seed=numbers.seed,
        physics=physics,
        backend=backend,
        command_override=arguments.told(command, command_schedule, clip_command),
        num_envs=numbers.num_envs,
        other_ckpts=tuple(arguments.text(other) or "best" for other in others),
        overrides=arguments.values(settings),
    )
    with Bar(progress) as bar:
        return film(
            arguments.file(out),
            env,
            arguments.text(first),
            shot,
            RenderOptions(camera, numbers.size, numbers.fps),
            Progress(bar.on_event),
            warn,
        )
