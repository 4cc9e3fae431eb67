"""Recorded trajectory of one environment, one frame per control step."""

from dataclasses import dataclass

import numpy as np

from rlctl.core.specs import EnvSpec
from rlctl.rendering import arrows
from rlctl.rollouts.base import Driver, Step

_SHORT_TITLE = 16  # characters; a longer title has its own caption line


@dataclass(frozen=True)
class Frame:
    """One state of a rollout.

    Attributes:
        qpos: Positions (nq,).
        command: The command in force, (len(spec.commands),).
        achieved: Measured values of the commanded quantities, (len(spec.commands),); (0,) if the
            observation does not contain them.
        episode: Number of the episode in this trajectory, from 1.
        steps: Control steps since the episode began.
        episode_return: Return since the episode began.
    """

    qpos: np.ndarray
    command: np.ndarray
    achieved: np.ndarray
    episode: int
    steps: int
    episode_return: float


class Trajectory:
    """Trajectory of one environment; call `start` after its reset and `add` after every step.

    Without `start` the trajectory begins after the first step.

    Args:
        spec: Specification of the environment.
        index: Index of the environment in its driver.
        title: Start of the captions.
        heading: Description of the video, shown in its first seconds.

    Attributes:
        spec: Specification of the environment.
        title: Start of the captions.
        heading: Description of the video.
        frames: The recorded states.
    """

    def __init__(self, spec: EnvSpec, index: int = 0, title: str = "", heading: str = "") -> None:
        self.spec, self.title, self.heading = spec, title, heading
        self.frames: list[Frame] = []
        self._finished: list[float] = []  # returns of finished episodes
        self._index = index

    def start(self, driver: Driver) -> None:
        """Record the state after a reset."""
        self._append(driver, driver.observation, 1, 0, 0.0)

    def add(self, driver: Driver, step: Step) -> None:
        """Record the state after a step; after auto-reset, the first one of the next episode."""
        episode, steps, episode_return = 1, 0, 0.0
        if self.frames:
            last = self.frames[-1]
            episode, steps = last.episode, last.steps
            episode_return = last.episode_return
        episode_return += float(step.reward[self._index])
        if step.terminated[self._index] or step.truncated[self._index]:
            self._finished.append(episode_return)
            self._append(driver, step.observation, episode + 1, 0, 0.0)
        else:
            self._append(driver, step.observation, episode, steps + 1, episode_return)

    def episode_returns(self) -> tuple[float, ...]:
        """Return the return of every episode, including the unfinished last one."""
        last = self.frames[-1]
        return (*self._finished, last.episode_return) if last.steps else tuple(self._finished)

    def frame_at(self, index: int) -> Frame:
        """Return the frame to show for a step.

        The last step of a video may have started a new episode by auto-reset. The video then ends
        with the frame before, which is the end of the finished episode.
        """
        frame = self.frames[index]
        restarted = frame.steps == 0 and 0 < index == len(self.frames) - 1
        return self.frames[index - 1] if restarted else frame

    def caption_text(self, frame: Frame) -> str:
        """Return the caption of a frame: time, return, episode and command."""
        first = f"{frame.steps * self.spec.control_dt:.2f} s    return {frame.episode_return:.1f}"
        if frame.episode > 1:
            first += f"    episode {frame.episode}"
        if self.title:
            first = self.title + ("    " if len(self.title) <= _SHORT_TITLE else "\n") + first
        lines = [first]
        if len(frame.achieved):
            lines += ["command   " + self._components(frame.command)]
            lines += ["actual      " + self._components(frame.achieved)]
        elif len(frame.command):
            lines += [self._components(frame.command)]
        return "\n".join(lines)

    def _components(self, values: np.ndarray) -> str:
        pairs = zip(self.spec.commands, values, strict=True)
        return "    ".join(f"{name} {value:+z.2f}" for name, value in pairs)

    def arrows(self, frame: Frame) -> list[arrows.Arrow]:
        """Return arrows of the commanded and actual velocity, if the commands are velocities."""
        if self.spec.commands[:2] != ("vx", "vy"):
            return []
        pairs = ((frame.command, arrows.COMMANDED), (frame.achieved, arrows.ACTUAL))
        return [
            arrow
            for values, style in pairs
            if len(values)
            for arrow in arrows.velocity_arrows(frame.qpos, values[:2], style)
        ]

    def _append(
        self,
        driver: Driver,
        observation: np.ndarray,
        episode: int,
        steps: int,
        episode_return: float,
    ) -> None:
        qpos, command = driver.qpos()[self._index].copy(), driver.command()[self._index].copy()
        achieved = observation[self._index, list(self.spec.achieved)]
        self.frames.append(Frame(qpos, command, achieved, episode, steps, episode_return))
