"""Videos of MuJoCo environments: roll out first, then render the states offline."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlctl.actions.videos.request import LoadedPolicy, RenderRequest, make_counter
from rlctl.checkpoints import compatibility
from rlctl.core.progress import Progress
from rlctl.rendering import gl
from rlctl.rendering.options import RenderOptions
from rlctl.rollouts.factory import make_driver, make_environment
from rlctl.rollouts.session import Session, act_of

if TYPE_CHECKING:
    from rlctl.rendering.trajectory import Trajectory
    from rlctl.rendering.writer import VideoInfo


def render_video(
    out: Path,
    policies: Sequence[LoadedPolicy],
    config: Any,
    request: RenderRequest,
    options: RenderOptions,
    progress: Progress,
    warn: Callable[[str], None],
) -> tuple[list["Trajectory"], "VideoInfo", str]:
    """Roll out every policy and render the trajectories, each in a tile.

    Args:
        out: The file.
        policies: The policies; several only with one environment.
        config: The environment's settings.
        request: Length, seed, physics and number of environments.
        options: Camera, size and frame rate.
        progress: Receives phases, steps and frames.
        warn: Called with warnings.

    Returns:
        The trajectories, facts about the file, and the physics back end.
    """
    gl.find()  # before MuJoCo is imported, which fails if MUJOCO_GL names a missing platform
    with progress.phase("import"):
        from rlctl.rendering import writer
        from rlctl.rendering.views import cameras
    name = policies[0].checkpoint.manifest["env"]["id"]
    with progress.phase("build"):
        environment = make_environment(name, config)
        scene = environment.scene()
        options.resolve_camera(cameras(scene), environment.spec)  # refused before the rollout
        driver = make_driver(name, config, request.physics, request.num_envs, randomize=None)
        schedule = request.command_override.schedule_of(driver.spec, name, config, warn)
        for policy in policies:
            compatibility.check(policy.checkpoint, driver.spec, warn)
    trajectories = []
    with closing(driver):
        for policy in policies:
            session = Session(driver, act_of(policy.policy), schedule)
            trajectories += _rollout(policy, session, request, progress)
    with progress.phase("film"):
        count = make_counter(progress, "frames")
        video = writer.write(trajectories, out, scene, options, count)
    return trajectories, video, driver.physics


def _rollout(
    policy: LoadedPolicy, session: Session, request: RenderRequest, progress: Progress
) -> list["Trajectory"]:
    """Roll out a policy from the initial states; one trajectory per environment."""
    from rlctl.rendering.trajectory import Trajectory

    driver, count = session.driver, make_counter(progress, "steps")
    steps = request.num_steps(driver.spec)
    titles = [f"environment {number}" for number in range(1, request.num_envs + 1)]
    if request.num_envs == 1:
        titles = [policy.title if request.other_ckpts else ""]
    heading = "" if request.other_ckpts else policy.heading
    trajectories = [
        Trajectory(driver.spec, index, title, heading) for index, title in enumerate(titles)
    ]
    with progress.phase("compile"):  # a first step that is not recorded
        session.reset(request.seed)
        session.step()
    with progress.phase("rollout"):
        session.reset(request.seed)
        for trajectory in trajectories:
            trajectory.start(driver)
        for done in range(1, steps + 1):
            _, step = session.step()
            for trajectory in trajectories:
                trajectory.add(driver, step)
            count(done, steps)
    return trajectories
