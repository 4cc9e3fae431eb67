"""Have an environment that draws itself do so as it is played."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlctl.actions.films.shot import Player, Shot, counter
from rlctl.checkpoints import drift
from rlctl.core.progress import Progress
from rlctl.rendering.look import Look
from rlctl.rollouts.make import make_drawn

if TYPE_CHECKING:
    from rlctl.rendering.film import Film
    from rlctl.rendering.reel import Written


def film(
    out: Path,
    players: Sequence[Player],
    config: Any,
    shot: Shot,
    look: Look,
    progress: Progress,
    tell: Callable[[str], None],
) -> tuple[list["Film"], "Written", str]:
    """As `scene.film`: the film, what was written, and the back end that moved the environment."""
    from rlctl.rendering import live

    player = players[0]
    name = player.checkpoint.manifest["env"]["id"]
    live.check(look, shot.tiles, name)
    with progress.phase("build"):
        driver = shot.told.drive(make_drawn(name, config, shot.physics), name, config, tell)
        drift.check(player.checkpoint, driver.spec, tell)
    with closing(driver), live.drawing(), progress.phase("film"):
        total = shot.length(driver.spec)
        filmed = live.LiveFilm(driver, player.policy, total, shot.seed, player.heading)
        return [filmed], filmed.shoot(out, look, counter(progress, "frames")), driver.physics
