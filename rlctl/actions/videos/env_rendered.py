"""Videos of environments that render themselves, through their own `render()`."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlctl.actions.videos.request import LoadedPolicy, RenderRequest, make_counter
from rlctl.checkpoints import compatibility
from rlctl.core.progress import Progress
from rlctl.rendering.options import RenderOptions
from rlctl.rollouts.factory import make_rendering_driver

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
    """Roll out the policy and write each frame as the environment renders it.

    Args:
        out: The file.
        policies: The policy; exactly one.
        config: The environment's settings.
        request: Length, seed and physics.
        options: Camera, size and frame rate.
        progress: Receives phases and frames.
        warn: Called with warnings.

    Returns:
        The trajectory, facts about the file, and the physics back end.
    """
    from rlctl.rendering import online

    policy = policies[0]
    name = policy.checkpoint.manifest["env"]["id"]
    online.check_options(options, request.num_tiles, name)
    with progress.phase("build"):
        driver = make_rendering_driver(name, config, request.physics)
        # Refuses an override: no such environment takes commands.
        request.command_override.schedule_of(driver.spec, name, config, warn)
        compatibility.check(policy.checkpoint, driver.spec, warn)
    with closing(driver), online.headless(), progress.phase("film"):
        steps = request.num_steps(driver.spec)
        trajectory = online.OnlineTrajectory(
            driver, policy.policy, steps, request.seed, policy.heading
        )
        video = trajectory.write_video(out, options, make_counter(progress, "frames"))
        return [trajectory], video, driver.physics
