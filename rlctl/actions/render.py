"""Play a policy in an environment, or several side by side, and film it."""

import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rlctl import catalog
from rlctl.actions.films import env_rendered, mujoco_rendered
from rlctl.actions.films.request import LoadedPolicy, RenderRequest
from rlctl.checkpoints import compatibility, find
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.config import Overrides, Resolved
from rlctl.core.errors import Incompatible, UsageError
from rlctl.core.progress import Progress
from rlctl.rendering import video
from rlctl.rendering.options import RenderOptions
from rlctl.rollouts.factory import environment_of


@dataclass(frozen=True)
class Tile:
    """One robot of a film.

    Attributes:
        title: What its captions begin with; empty where it is the only one.
        checkpoint: Where its policy came from.
        step: Environment steps that was trained for.
        returns: Return of every episode, the unfinished last one included.
    """

    title: str
    checkpoint: Path
    step: int
    returns: tuple[float, ...]


@dataclass(frozen=True, repr=False)
class Rendered:
    """A film of a policy, or of several.

    Attributes:
        path: The file.
        env: The environment.
        checkpoint: Where the policy of the first tile came from.
        step: Environment steps that was trained for.
        physics: The back end that moved the environment.
        steps: Control steps filmed.
        returns: Returns of the first tile.
        tiles: Every robot in it, from left to right and from the top.
        frames: Pictures in the file.
        fps: Pictures per second.
        seconds: How long the film is, 0 for a contact sheet.
        size: Width and height of a picture, pixels.
        camera: The camera looked through.
        platform: The OpenGL platform that drew.
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
        film = f"{self.path}, {self.frames} frames of {width}x{height}"
        return f"Rendered({self.env}, {self.step:,} steps trained: {film})"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def render(
    out: Path | None = None,
    env: str | None = None,
    ckpt: str | None = None,
    shot: RenderRequest | None = None,
    look: RenderOptions | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Rendered:
    """Film the policy of a checkpoint.

    Everything that can be wrong is found before the first step is taken.

    Args:
        out: The file: .mp4, .webm, .gif, or .png for a contact sheet; None for ENV-STEP.mp4 in
            this folder, which must not be there yet.
        env: The environment the checkpoint must be of; None for whichever it is.
        ckpt: What `--ckpt` takes; None for the latest run's best.
        shot: What is filmed; None for the usual 10 s.
        look: Camera, size and frame rate; None for the usual ones.
        progress: Told of phases, steps and frames.
        tell: Told when a damaged checkpoint was skipped, commands go beyond the training, or a
            policy is filmed in other settings than it was trained in.

    Raises:
        UsageError: No such environment, camera, size or kind of file.
        NotFound: No such checkpoint.
        Damaged: A checkpoint that is not what was written.
        Incompatible: A checkpoint of another environment.
        RendererMissing: Nothing to draw or to encode with.
        OutOfSpace: The file cannot be written.
        Diverged: The simulation did.
    """
    shot, look, progress = shot or RenderRequest(), look or RenderOptions(), progress or Progress()
    shot.check()
    look.validate(shot.tiles)
    if out is not None:
        video.check_path(out)
    if env is not None:
        catalog.env(env)
    wanted = (ckpt, *shot.beside)
    checkpoints = [find.opened(text, env, tell=tell) for text in wanted]
    for checkpoint in checkpoints:
        compatibility.check_saved(checkpoint)
    out = out or _unused(checkpoints[0])
    name, config = _environment(checkpoints, shot.overrides, env, tell)
    from rlctl.policies.base import policy_of

    players = [LoadedPolicy(each, policy_of(each, shot.backend)) for each in checkpoints]
    way = env_rendered if "gymnasium" in catalog.env(name).physics else mujoco_rendered
    films, written, physics = way.film(out, players, config, shot, look, progress, tell)
    acted = checkpoints if shot.beside else checkpoints * shot.num_envs
    tiles = tuple(
        Tile(film.title, checkpoint.path, checkpoint.step, film.episode_returns())
        for film, checkpoint in zip(films, acted, strict=True)
    )
    return Rendered(
        env=name,
        checkpoint=tiles[0].checkpoint,
        step=tiles[0].step,
        physics=physics,
        steps=len(films[0].frames) - 1,
        returns=tiles[0].returns,
        tiles=tiles,
        **vars(written),
    )


def _unused(checkpoint: Checkpoint) -> Path:
    """The film's name where none is given.

    Raises:
        UsageError: There is such a file.
        OutOfSpace: The folder cannot be written.
    """
    env = re.sub(r"[^\w.-]+", "-", checkpoint.manifest["env"]["id"])
    path = Path(f"{env}-{checkpoint.step}.mp4")
    if os.path.lexists(path):
        raise UsageError(
            f"there is a {path} here already", "name the film: --out FILE.mp4, or delete that one"
        )
    video.check_path(path)
    return path


def _environment(
    checkpoints: list[Checkpoint],
    overrides: Overrides,
    typed: str | None,
    tell: Callable[[str], None],
) -> tuple[str, Any]:
    """Name and config of the environment they are filmed in: those of the first one, overridden.

    Raises:
        Incompatible: Another is of another environment.
    """
    first = checkpoints[0]
    name, config = environment_of(first, overrides, typed)
    settings = _plain(config)
    for checkpoint in checkpoints[1:]:
        other, its = environment_of(checkpoint, overrides, typed)
        if other != name:
            raise Incompatible(
                f"{checkpoint.path} is of environment {other}, {first.path} of {name}",
                "side by side are policies of one environment; make a film of each",
            )
        differing = [key for key, value in _plain(its).items() if settings.get(key) != value]
        if differing:
            tell(
                f"{checkpoint.path} was trained with another {', '.join(differing)}; "
                f"all are filmed with the settings of {first.path}"
            )
    return name, config


def _plain(config: Any) -> dict[str, Any]:
    """The settings of an environment by name."""
    return Resolved({"env": config}, {}).to_json()["env"]
