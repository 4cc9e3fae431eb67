"""Render a video of a policy, or of several side by side."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlctl import catalog
from rlctl.actions.videos import env_rendered, mujoco_rendered
from rlctl.actions.videos.request import LoadedPolicy, RenderRequest
from rlctl.checkpoints import compatibility, find
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.capabilities import capabilities_of
from rlctl.core.config import Overrides, Resolved
from rlctl.core.errors import Incompatible, UsageError
from rlctl.core.progress import Progress
from rlctl.rendering import video
from rlctl.rendering.options import RenderOptions
from rlctl.rollouts.factory import environment_of

if TYPE_CHECKING:
    from rlctl.rendering.trajectory import Trajectory


@dataclass(frozen=True)
class Tile:
    """One robot of a video.

    Attributes:
        title: Start of its captions; empty if it is the only one.
        checkpoint: Checkpoint of its policy.
        step: Environment steps the policy was trained for.
        returns: Return of every episode, the unfinished last one included.
    """

    title: str
    checkpoint: Path
    step: int
    returns: tuple[float, ...]


@dataclass(frozen=True, repr=False)
class Rendered:
    """A video of a policy, or of several.

    Attributes:
        path: The file.
        env: The environment.
        checkpoint: Checkpoint of the first tile's policy.
        step: Environment steps that policy was trained for.
        physics: The physics back end.
        steps: Control steps rendered.
        returns: Returns of the first tile.
        tiles: The robots, row by row from the top left.
        frames: Number of frames.
        fps: Frames per second.
        seconds: Duration of the video, 0 for a contact sheet.
        size: Width and height of a frame, pixels.
        camera: Name of the camera.
        platform: The OpenGL platform that rendered.
    """

    path: Path
    env: str
    checkpoint: Path
    step: int
    physics: str
    steps: int
    returns: tuple[float, ...]
    tiles: tuple[Tile, ...]
    frames: int
    fps: float
    seconds: float
    size: tuple[int, int]
    camera: str
    platform: str

    def __repr__(self) -> str:
        width, height = self.size
        video = f"{self.path}, {self.frames} frames of {width}x{height}"
        return f"Rendered({self.env}, {self.step:,} steps trained: {video})"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def render(
    out: Path | None = None,
    env: str | None = None,
    ckpt: str | None = None,
    request: RenderRequest | None = None,
    options: RenderOptions | None = None,
    progress: Progress | None = None,
    warn: Callable[[str], None] = lambda line: None,
) -> Rendered:
    """Render the policy of a checkpoint.

    All inputs are validated before the first step.

    Args:
        out: The file: .mp4, .webm, .gif, or .png for a contact sheet; None for ENV-STEP.mp4 in
            the current folder, which must not exist yet.
        env: The environment the checkpoint must be of; None for any.
        ckpt: Checkpoint as `--ckpt` takes it; None for the latest run's best.
        request: Length, seed and environments; None for the defaults (10 s).
        options: Camera, size and frame rate; None for the defaults.
        progress: Receives phases, steps and frames.
        warn: Called if a damaged checkpoint is skipped, commands leave the training range, or a
            policy runs with other settings than in its training.

    Raises:
        UsageError: The environment, camera, size or file type is invalid.
        NotFound: The checkpoint does not exist.
        Damaged: The checkpoint is damaged.
        Incompatible: The checkpoint is of another environment.
        RendererMissing: There is no OpenGL platform or no encoder.
        OutOfSpace: The file cannot be written.
        Diverged: The simulation diverged.
    """
    request, options = request or RenderRequest(), options or RenderOptions()
    progress = progress or Progress()
    request.validate()
    options.validate(request.num_tiles)
    if out is not None:
        video.check_path(out)
    checkpoints = _open_checkpoints((ckpt, *request.other_ckpts), env, warn)
    out = out or _default_path(checkpoints[0])
    name, config = _environment(checkpoints, request.overrides, env, warn)
    from rlctl.policies.base import policy_of

    policies = [LoadedPolicy(each, policy_of(each, request.backend)) for each in checkpoints]
    renderer = env_rendered if _renders_itself(name, config) else mujoco_rendered
    trajectories, video_info, physics = renderer.render_video(
        out, policies, config, request, options, progress, warn
    )
    tiles = tuple(map(_tile, trajectories, cycle(checkpoints)))  # one policy may have several tiles
    return Rendered(
        env=name,
        checkpoint=tiles[0].checkpoint,
        step=tiles[0].step,
        physics=physics,
        steps=len(trajectories[0].frames) - 1,
        returns=tiles[0].returns,
        tiles=tiles,
        **vars(video_info),
    )


def _renders_itself(name: str, config: Any) -> bool:
    from rlctl.rollouts.factory import make_environment

    return capabilities_of(make_environment(name, config)).renders_itself


def _tile(trajectory: "Trajectory", checkpoint: Checkpoint) -> Tile:
    """Describe a tile of the video."""
    returns = trajectory.episode_returns()
    return Tile(trajectory.title, checkpoint.path, checkpoint.step, returns)


def _open_checkpoints(
    texts: Sequence[str | None], env: str | None, warn: Callable[[str], None]
) -> list[Checkpoint]:
    """Open the checkpoints and check that each agrees with itself.

    Raises:
        RlctlError: See `render`.
    """
    if env is not None:
        catalog.env(env)
    checkpoints = [find.open_checkpoint(text, env, None, warn) for text in texts]
    for checkpoint in checkpoints:
        compatibility.check_saved(checkpoint)
    return checkpoints


def _default_path(checkpoint: Checkpoint) -> Path:
    """Return the default file name.

    Raises:
        UsageError: The file already exists.
        OutOfSpace: The folder cannot be written.
    """
    env = re.sub(r"[^\w.-]+", "-", checkpoint.manifest["env"]["id"])
    path = Path(f"{env}-{checkpoint.step}.mp4")
    if os.path.lexists(path):
        raise UsageError(
            f"{path} already exists", "give another name with --out FILE.mp4, or delete it"
        )
    video.check_path(path)
    return path


def _environment(
    checkpoints: list[Checkpoint],
    overrides: Overrides,
    given_env: str | None,
    warn: Callable[[str], None],
) -> tuple[str, Any]:
    """Return name and settings of the environment: those of the first checkpoint, overridden.

    Raises:
        Incompatible: The checkpoints are of different environments.
    """
    first = checkpoints[0]
    name, config = environment_of(first, overrides, given_env)
    settings = _to_dict(config)
    for checkpoint in checkpoints[1:]:
        other_name, other_config = environment_of(checkpoint, overrides, given_env)
        if other_name != name:
            raise Incompatible(
                f"{checkpoint.path} is of environment {other_name}, {first.path} of {name}",
                "only policies of one environment can be rendered side by side",
            )
        others = _to_dict(other_config)
        differing = [key for key, value in others.items() if settings.get(key) != value]
        if differing:
            warn(
                f"{checkpoint.path} was trained with a different {', '.join(differing)}; "
                f"all policies run with the settings of {first.path}"
            )
    return name, config


def _to_dict(config: Any) -> dict[str, Any]:
    """Return the settings of an environment by name."""
    return Resolved({"env": config}, {}).to_json()["env"]
