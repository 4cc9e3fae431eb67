"""Play a policy in one environment and film it."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlctl import catalog
from rlctl.actions.evaluate import check_layout
from rlctl.actions.told import NOTHING, Told
from rlctl.checkpoints import find, store
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.errors import UsageError
from rlctl.core.progress import Progress
from rlctl.core.specs import EnvSpec
from rlctl.rendering import gl, video
from rlctl.rendering.look import Look
from rlctl.rollouts.make import environment_of, make_drawn, make_driver, make_environment

if TYPE_CHECKING:
    from rlctl.policies.base import Policy
    from rlctl.rendering.film import Film, Written
    from rlctl.rollouts.base import Driver

_SECONDS = 10.0  # of simulation, unless told otherwise
_MOST_STEPS = 1_000_000


@dataclass(frozen=True)
class Shot:
    """What is filmed.

    Attributes:
        steps: Control steps; None for 10 s of simulation, or an episode if that is shorter.
        seed: Of the first state and of everything random in the environment.
        physics: `auto`, `native`, `jax` or `warp`.
        backend: What runs the policy: `numpy`, `jax` or `torch`.
        told: The commands to give instead of those the environment draws.
    """

    steps: int | None = None
    seed: int = 0
    physics: str = "auto"
    backend: str = "numpy"
    told: Told = NOTHING

    def check(self) -> None:
        """Raise unless it can be filmed.

        Raises:
            UsageError: A number out of range.
        """
        if self.steps is not None and not 1 <= self.steps <= _MOST_STEPS:
            raise UsageError(f"{self.steps} steps cannot be filmed; 1 to {_MOST_STEPS} can")
        if not 0 <= self.seed < 2**31:
            raise UsageError(f"a seed of {self.seed} is not one of 0 to {2**31 - 1}")


@dataclass(frozen=True)
class Rendered:
    """A film of a policy.

    Attributes:
        path: The file.
        env: The environment.
        checkpoint: Where the policy came from.
        step: Environment steps it was trained for.
        physics: The back end that moved the environment.
        steps: Control steps filmed.
        returns: Return of every episode, the unfinished last one included.
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
    frames: int
    fps: float
    seconds: float
    size: tuple[int, int]
    camera: str
    platform: str

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def render(
    out: Path,
    env: str | None = None,
    ckpt: str | None = None,
    shot: Shot = Shot(),
    look: Look | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Rendered:
    """Film the policy of a checkpoint.

    Everything that can be wrong is found before the first step is taken.

    Args:
        out: The file: .mp4, .webm, .gif, or .png for a contact sheet.
        env: The environment the checkpoint must be of; None for whichever it is.
        ckpt: What `--ckpt` takes; None for the latest run's best.
        shot: What is filmed.
        look: Camera, size and frame rate; None for the usual ones.
        progress: Told of phases, steps and frames.
        tell: Told when a damaged checkpoint was skipped, or commands go beyond the training.

    Raises:
        UsageError: No such environment, camera, size or kind of file.
        NotFound: No such checkpoint.
        Damaged: A checkpoint that is not what was written.
        Incompatible: A checkpoint of another environment.
        RendererMissing: Nothing to draw or to encode with.
        OutOfSpace: The file cannot be written.
        Diverged: The simulation did.
    """
    look, progress = look or Look(), progress or Progress()
    shot.check()
    look.check()
    video.check(out)
    if env is not None:
        catalog.env(env)
    checkpoint = store.load(find.find(ckpt, env, tell=tell))
    name, config = environment_of(checkpoint)
    play = _film_itself if "gymnasium" in catalog.env(name).physics else _film_scene
    from rlctl.policies.base import load_policy

    policy = load_policy(checkpoint, shot.backend)
    film, written, physics = play(out, checkpoint, policy, config, shot, look, progress, tell)
    return Rendered(
        env=name,
        checkpoint=checkpoint.path,
        step=checkpoint.step,
        physics=physics,
        steps=len(film.moments) - 1,
        returns=film.totals(),
        **vars(written),
    )


def _film_scene(
    out: Path,
    checkpoint: Checkpoint,
    policy: "Policy",
    config: Any,
    shot: Shot,
    look: Look,
    progress: Progress,
    tell: Callable[[str], None],
) -> tuple["Film", "Written", str]:
    """Play first, then draw the states on the environment's scene."""
    gl.find()  # before MuJoCo is loaded, which fails where MUJOCO_GL names what is not there
    with progress.phase("import"):
        from rlctl.rendering.canvas import cameras
    name = checkpoint.manifest["env"]["id"]
    with progress.phase("build"):
        environment = make_environment(name, config)
        scene = environment.scene()
        look.camera_among(cameras(scene), environment.spec)
        driver = make_driver(name, config, shot.physics, 1, randomize=False)
        driver = shot.told.drive(driver, name, config, tell)
        check_layout(checkpoint, driver.spec)
    with closing(driver):
        film = _play(policy, driver, shot, progress)
    with progress.phase("save"):
        return film, film.write(out, scene, look, _teller(progress)), driver.physics


def _film_itself(
    out: Path,
    checkpoint: Checkpoint,
    policy: "Policy",
    config: Any,
    shot: Shot,
    look: Look,
    progress: Progress,
    tell: Callable[[str], None],
) -> tuple["Film", "Written", str]:
    """Have an environment that draws itself do so as it is played."""
    from rlctl.rendering import live

    name = checkpoint.manifest["env"]["id"]
    live.check(look, name)
    with progress.phase("build"):
        driver = shot.told.drive(make_drawn(name, config, shot.physics), name, config, tell)
        check_layout(checkpoint, driver.spec)
    with closing(driver), live.drawing(), progress.phase("rollout"):
        film = live.LiveFilm(driver, policy, _steps(shot, driver.spec), shot.seed)
        return film, film.shoot(out, look, _teller(progress)), driver.physics


def _steps(shot: Shot, spec: EnvSpec) -> int:
    """How many control steps to film."""
    return shot.steps or min(spec.episode_length, round(_SECONDS / spec.control_dt))


def _play(policy: "Policy", driver: "Driver", shot: Shot, progress: Progress) -> "Film":
    from rlctl.rendering.film import Film

    total, tell = _steps(shot, driver.spec), _teller(progress)
    film = Film(driver.spec)
    with progress.phase("compile"):  # by a step that is not filmed
        driver.step(policy.act(driver.reset(shot.seed)))
    with progress.phase("rollout"):
        observation = driver.reset(shot.seed)
        film.start(driver)
        for done in range(1, total + 1):
            step = driver.step(policy.act(observation))
            film.add(driver, step)
            observation = step.observation
            tell(done, total)
    return film


def _teller(progress: Progress) -> Callable[[int, int], None]:
    return lambda done, total: progress.event("progress", steps=done, total=total)
