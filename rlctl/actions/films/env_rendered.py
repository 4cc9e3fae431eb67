"""Have an environment that draws itself do so as it is played."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlctl.actions.films.request import LoadedPolicy, RenderRequest, counter
from rlctl.checkpoints import compatibility
from rlctl.core.progress import Progress
from rlctl.rendering.options import RenderOptions
from rlctl.rollouts.factory import make_drawn

if TYPE_CHECKING:
    from rlctl.rendering.trajectory import Trajectory
    from rlctl.rendering.writer import VideoInfo


def film(
    out: Path,
    players: Sequence[LoadedPolicy],
    config: Any,
    shot: RenderRequest,
    look: RenderOptions,
    progress: Progress,
    tell: Callable[[str], None],
) -> tuple[list["Trajectory"], "VideoInfo", str]:
    """As `scene.film`: the film, what was written, and the back end that moved the environment."""
    from rlctl.rendering import online

    player = players[0]
    name = player.checkpoint.manifest["env"]["id"]
    online.check_options(look, shot.tiles, name)
    with progress.phase("build"):
        driver = shot.told.drive(make_drawn(name, config, shot.physics), name, config, tell)
        compatibility.check(player.checkpoint, driver.spec, tell)
    with closing(driver), online.headless(), progress.phase("film"):
        total = shot.length(driver.spec)
        filmed = online.OnlineTrajectory(driver, player.policy, total, shot.seed, player.heading)
        return [filmed], filmed.write_video(out, look, counter(progress, "frames")), driver.physics
