"""What one environment did, remembered step by step."""

from dataclasses import dataclass

import numpy as np

from rlctl.core.specs import EnvSpec
from rlctl.rendering import arrows
from rlctl.rollouts.base import Driver, Step

_SHORT = 16  # letters of a title that shares its line with time and return


@dataclass(frozen=True)
class Frame:
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


class Trajectory:
    """One environment of a driver: call `start` after its reset, `add` after every step.

    Without `start` the film begins after the first step.

    Args:
        spec: The environment's.
        index: Which of the driver's environments it is.
        title: What its captions begin with.
        heading: What the film is of: shown in its first seconds.

    Attributes:
        spec: The environment's.
        title: What its captions begin with.
        heading: What the film is of.
        moments: The states so far.
    """

    def __init__(self, spec: EnvSpec, index: int = 0, title: str = "", heading: str = "") -> None:
        self.spec, self.title, self.heading = spec, title, heading
        self.moments: list[Frame] = []
        self._ended: list[float] = []
        self._index = index

    def start(self, driver: Driver) -> None:
        """Remember the state after a reset."""
        self._remember(driver, driver.observation, 1, 0, 0.0)

    def add(self, driver: Driver, step: Step) -> None:
        """Remember the state after a step, already of the next episode where one ended."""
        episode, steps, total = 1, 0, 0.0
        if self.moments:
            last = self.moments[-1]
            episode, steps, total = last.episode, last.steps, last.total
        total += float(step.reward[self._index])
        if step.terminated[self._index] or step.truncated[self._index]:
            self._ended.append(total)
            self._remember(driver, step.observation, episode + 1, 0, 0.0)
        else:
            self._remember(driver, step.observation, episode, steps + 1, total)

    def totals(self) -> tuple[float, ...]:
        """Return of every episode, the unfinished last one included."""
        last = self.moments[-1]
        return (*self._ended, last.total) if last.steps else tuple(self._ended)

    def moment(self, index: int) -> Frame:
        """What is shown of a step: the last one does not begin another episode."""
        found = self.moments[index]
        fresh = found.steps == 0 and 0 < index == len(self.moments) - 1
        return self.moments[index - 1] if fresh else found

    def words(self, moment: Frame) -> str:
        """What is written on the picture of a moment."""
        first = f"{moment.steps * self.spec.control_dt:.2f} s    return {moment.total:.1f}"
        if moment.episode > 1:
            first += f"    episode {moment.episode}"
        if self.title:
            first = self.title + ("    " if len(self.title) <= _SHORT else "\n") + first
        lines = [first]
        if len(moment.achieved):
            lines += ["command   " + self._components(moment.command)]
            lines += ["actual      " + self._components(moment.achieved)]
        elif len(moment.command):
            lines += [self._components(moment.command)]
        return "\n".join(lines)

    def _components(self, values: np.ndarray) -> str:
        pairs = zip(self.spec.commands, values, strict=True)
        return "    ".join(f"{name} {value:+z.2f}" for name, value in pairs)

    def arrows(self, moment: Frame) -> list[arrows.Arrow]:
        """How the robot was told to go and how it goes, where that is a velocity of its torso."""
        if self.spec.commands[:2] != ("vx", "vy"):
            return []
        pairs = ((moment.command, arrows.TOLD), (moment.achieved, arrows.GOES))
        return [
            arrow
            for values, style in pairs
            if len(values)
            for arrow in arrows.velocity(moment.qpos, values[:2], style)
        ]

    def _remember(
        self, driver: Driver, observation: np.ndarray, episode: int, steps: int, total: float
    ) -> None:
        qpos, command = driver.qpos()[self._index].copy(), driver.command()[self._index].copy()
        achieved = observation[self._index, list(self.spec.achieved)]
        self.moments.append(Frame(qpos, command, achieved, episode, steps, total))
