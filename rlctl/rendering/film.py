"""What one environment did, remembered step by step, then drawn and written to a file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from rlctl.core.errors import Incompatible
from rlctl.core.specs import EnvSpec
from rlctl.rendering import arrows, video
from rlctl.rendering.canvas import Canvas, cameras
from rlctl.rendering.look import SIZE, TILE, Look
from rlctl.rendering.overlay import caption
from rlctl.rollouts.base import Driver, Step

_TILES = 12  # of a contact sheet


@dataclass(frozen=True)
class Written:
    """A film on the disk: `frames` pictures of `size`, `seconds` long (0 for a contact sheet)."""

    path: Path
    frames: int
    fps: float
    seconds: float
    size: tuple[int, int]
    camera: str
    platform: str


@dataclass(frozen=True)
class Moment:
    """One state of a rollout.

    Attributes:
        qpos: Positions (nq,).
        command: The command in force, (len(spec.commands),).
        achieved: What came of it, likewise, (0,) where the environment does not show that.
        episode: Which episode of the film, from 1.
        steps: Control steps since the episode began.
        total: Return since the episode began.
    """

    qpos: np.ndarray
    command: np.ndarray
    achieved: np.ndarray
    episode: int
    steps: int
    total: float


class Film:
    """The first environment of a driver: call `start` after its reset, `add` after every step.

    Without `start` the film begins after the first step.

    Attributes:
        moments: The states so far.
    """

    def __init__(self, spec: EnvSpec) -> None:
        self.moments: list[Moment] = []
        self._ended: list[float] = []
        self._spec = spec

    def start(self, driver: Driver) -> None:
        """Remember the state after a reset."""
        self._remember(driver, driver.observation, 1, 0, 0.0)

    def add(self, driver: Driver, step: Step) -> None:
        """Remember the state after a step, already of the next episode where one ended."""
        episode, steps, total = 1, 0, 0.0
        if self.moments:
            last = self.moments[-1]
            episode, steps, total = last.episode, last.steps, last.total
        total += float(step.reward[0])
        if step.terminated[0] or step.truncated[0]:
            self._ended.append(total)
            self._remember(driver, step.observation, episode + 1, 0, 0.0)
        else:
            self._remember(driver, step.observation, episode, steps + 1, total)

    def totals(self) -> tuple[float, ...]:
        """Return of every episode, the unfinished last one included."""
        last = self.moments[-1]
        return (*self._ended, last.total) if last.steps else tuple(self._ended)

    def words(self, moment: Moment) -> str:
        """What is written on the picture of a moment."""
        first = f"{moment.steps * self._spec.control_dt:.2f} s    return {moment.total:.1f}"
        if moment.episode > 1:
            first += f"    episode {moment.episode}"
        lines = [first]
        if len(moment.achieved):
            lines += ["told   " + self._components(moment.command)]
            lines += ["goes   " + self._components(moment.achieved)]
        elif len(moment.command):
            lines += [self._components(moment.command)]
        return "\n".join(lines)

    def _components(self, values: np.ndarray) -> str:
        pairs = zip(self._spec.commands, values, strict=True)
        return "    ".join(f"{name} {value:+.2f}" for name, value in pairs)

    def arrows(self, moment: Moment) -> list[arrows.Arrow]:
        """How the robot was told to go and how it goes, where that is a velocity of its torso."""
        if self._spec.commands[:2] != ("vx", "vy"):
            return []
        pairs = ((moment.command, arrows.TOLD), (moment.achieved, arrows.GOES))
        return [
            arrow
            for values, style in pairs
            if len(values)
            for arrow in arrows.velocity(moment.qpos, values[:2], style)
        ]

    def write(
        self,
        path: Path,
        model: mujoco.MjModel,
        look: Look,
        on_frame: Callable[[int, int], None] = lambda done, total: None,
    ) -> Written:
        """Draw the moments on `model` and write them: one second shows one second.

        Args:
            path: A .mp4, .webm, .gif or .png, see `video`.
            model: The scene; with the same joints as the physics.
            look: Camera, size and frame rate.
            on_frame: Told after every frame how many of how many are drawn.

        Raises:
            UsageError: No such camera, size, rate or kind of file.
            Incompatible: The scene has other joints than the physics.
            RendererMissing: Nothing to draw or to encode with.
            OutOfSpace: The file cannot be written.
        """
        look.check()
        video.check(path)
        camera = look.camera_among(cameras(model), self._spec)
        if model.nq != self.moments[0].qpos.size:
            raise Incompatible(
                f"the scene of {self._spec.id} has {model.nq} positions, "
                f"its physics {self.moments[0].qpos.size}"
            )
        fps = video.rate(self._spec.control_dt, path, look.fps)
        chosen = shown(path, len(self.moments) - 1, self._spec.control_dt, fps)
        size = look.size or (TILE if is_sheet(path) else SIZE)
        with Canvas(model, *size, camera) as canvas:
            frames = video.write(path, self._pictures(canvas, chosen, on_frame), fps)
            seconds = 0.0 if is_sheet(path) else frames / fps
            return Written(path, frames, fps, seconds, size, camera, canvas.platform)

    def _pictures(
        self, canvas: Canvas, chosen: list[int], on_frame: Callable[[int, int], None]
    ) -> Iterator[np.ndarray]:
        for done, index in enumerate(chosen, 1):
            moment = self.moments[index]
            yield caption(canvas.draw(moment.qpos, self.arrows(moment)), self.words(moment))
            on_frame(done, len(chosen))

    def _remember(
        self, driver: Driver, observation: np.ndarray, episode: int, steps: int, total: float
    ) -> None:
        qpos, command = driver.qpos()[0].copy(), driver.command()[0].copy()
        achieved = observation[0, list(self._spec.achieved)]
        self.moments.append(Moment(qpos, command, achieved, episode, steps, total))


def is_sheet(path: Path) -> bool:
    """Whether the file is a contact sheet."""
    return path.suffix.lower() == ".png"


def shown(path: Path, last: int, control_dt: float, fps: float) -> list[int]:
    """Which of the moments 0 .. last a file shows.

    A film shows a second of simulation in a second; a contact sheet some moments evenly spaced,
    the first and the last among them.
    """
    if is_sheet(path):
        count = min(_TILES, last + 1)
        return np.linspace(0, last, count).round().astype(int).tolist()
    count = max(1, round(last * control_dt * fps))
    return [min(last, int(index / (fps * control_dt) + 0.5)) for index in range(count)]
