"""Play first, then draw the states on the environment's scene."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlctl.actions.films.request import LoadedPolicy, RenderRequest, counter
from rlctl.checkpoints import compatibility
from rlctl.core.progress import Progress
from rlctl.rendering import gl
from rlctl.rendering.options import RenderOptions
from rlctl.rollouts.factory import make_driver, make_environment

if TYPE_CHECKING:
    from rlctl.rendering.trajectory import Trajectory
    from rlctl.rendering.writer import VideoInfo
    from rlctl.rollouts.base import Driver


def film(
    out: Path,
    players: Sequence[LoadedPolicy],
    config: Any,
    shot: RenderRequest,
    look: RenderOptions,
    progress: Progress,
    tell: Callable[[str], None],
) -> tuple[list["Trajectory"], "VideoInfo", str]:
    """The films, what was written, and the back end that moved the environment."""
    gl.find()  # before MuJoCo is loaded, which fails where MUJOCO_GL names what is not there
    with progress.phase("import"):
        from rlctl.rendering import writer
        from rlctl.rendering.views import cameras
    name = players[0].checkpoint.manifest["env"]["id"]
    with progress.phase("build"):
        environment = make_environment(name, config)
        scene = environment.scene()
        look.resolve_camera(cameras(scene), environment.spec)
        driver = make_driver(name, config, shot.physics, shot.num_envs, randomize=None)
        driver = shot.told.drive(driver, name, config, tell)
        for player in players:
            compatibility.check(player.checkpoint, driver.spec, tell)
    with closing(driver):
        films = [film for player in players for film in _play(player, driver, shot, progress)]
    with progress.phase("film"):
        written = writer.write(films, out, scene, look, counter(progress, "frames"))
    return films, written, driver.physics


def _play(
    player: LoadedPolicy, driver: "Driver", shot: RenderRequest, progress: Progress
) -> list["Trajectory"]:
    """A film of every environment, all from their first states."""
    from rlctl.rendering.trajectory import Trajectory

    policy, total, tell = player.policy, shot.length(driver.spec), counter(progress, "steps")
    titles = [f"environment {number}" for number in range(1, shot.num_envs + 1)]
    if shot.num_envs == 1:
        titles = [player.title if shot.beside else ""]
    heading = "" if shot.beside else player.heading
    films = [Trajectory(driver.spec, index, title, heading) for index, title in enumerate(titles)]
    with progress.phase("compile"):  # by a step that is not filmed
        driver.step(policy.act(driver.reset(shot.seed)))
    with progress.phase("rollout"):
        observation = driver.reset(shot.seed)
        for film in films:
            film.start(driver)
        for done in range(1, total + 1):
            step = driver.step(policy.act(observation))
            for film in films:
                film.add(driver, step)
            observation = step.observation
            tell(done, total)
    return films
