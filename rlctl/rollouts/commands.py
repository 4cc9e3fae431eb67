"""Commands that somebody gives, instead of those that an environment draws.

Shapes: N environments, C numbers of a command, K commands of a schedule.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlctl.core.errors import NotFound, UsageError
from rlctl.core.safe_io import NotText, decode_utf8, read
from rlctl.rollouts.base import Driver, Step

_MOST = 2**20  # bytes of a schedule


@dataclass(frozen=True)
class Schedule:
    """What is commanded when, counted from the start of every episode.

    Attributes:
        seconds: (K,) when each command begins, rising from 0.
        values: (K, C) float32, the commands, in the environment's units.
    """

    seconds: np.ndarray
    values: np.ndarray

    def at(self, seconds: np.ndarray) -> np.ndarray:
        """The commands (N, C) in force at these times (N,)."""
        return self.values[np.searchsorted(self.seconds, seconds, side="right") - 1]

    def clipped(self, low: np.ndarray, high: np.ndarray) -> "Schedule":
        """The same within bounds (C,)."""
        return Schedule(self.seconds, np.clip(self.values, low, high))


class Commanded:
    """A driver whose environments follow a schedule; all else is the driver's own.

    An environment shows a new command one step after it is given.

    Args:
        driver: Of environments that take commands.
        schedule: What to tell them.
    """

    def __init__(self, driver: Driver, schedule: Schedule) -> None:
        self._driver = driver
        self._schedule = schedule
        self._clock = np.zeros(driver.num_envs, np.int64)  # control steps of the running episodes

    def reset(self, seed: int) -> np.ndarray:
        """Start a fresh episode everywhere: observation (N, O)."""
        observation = self._driver.reset(seed)
        self._clock[:] = 0
        self._tell()
        return observation

    def step(self, action: np.ndarray) -> Step:
        """One control step with actions (N, A)."""
        step = self._driver.step(action)
        self._clock = np.where(step.terminated | step.truncated, 0, self._clock + 1)
        self._tell()
        return step

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def _tell(self) -> None:
        self._driver.tell(self._schedule.at(self._clock * self._driver.spec.control_dt))


def parse(command: str | None, schedule: str | None, names: Sequence[str]) -> Schedule | None:
    """What --command and --command-schedule say.

    Args:
        command: As `vx=1,yaw=-0.5`, what is not named being 0, or `1,0,-0.5`.
        schedule: As `0: vx=1; 4: 0,0,0.7`, or a file with such a command on every line.
        names: The C names of the environment's command.

    Returns:
        The schedule, None if neither was given.

    Raises:
        UsageError: Both were given, or one that cannot be read.
        NotFound: No such file.
    """
    if command is not None and schedule is not None:
        raise UsageError(
            "--command and --command-schedule contradict each other", "give one of the two"
        )
    if command is None and schedule is None:
        return None
    if not names:
        raise UsageError("this environment takes no command", "leave the command out")
    if not (command or schedule):
        raise UsageError(
            f"the {'schedule' if command is None else 'command'} is empty",
            f"leave it out, or command something: {names[0]}=0.5",
        )
    if command is not None:
        return Schedule(np.zeros(1), np.array([_numbers(command, names)], np.float32))
    entries = [_entry(line, names) for line in _lines(schedule)]
    seconds = np.array([second for second, _ in entries])
    if not entries or seconds[0] != 0.0 or (np.diff(seconds) <= 0.0).any():
        raise UsageError(
            f"the times of the schedule are {', '.join(f'{s:g}' for s in seconds) or 'none'}",
            "begin at 0 and let them rise, as in '0: vx=1; 4: vx=0,yaw=0.7'",
        )
    return Schedule(seconds, np.array([values for _, values in entries], np.float32))


def _lines(text: str) -> list[str]:
    """The commands of a schedule or of a file of it, comments left out."""
    if ":" not in text or Path(text).is_file():
        try:
            text = decode_utf8(read(Path(text), _MOST))
        except NotText as error:
            raise UsageError(f"cannot read {text}: {error}", "save it as UTF-8") from error
        except OSError as error:
            raise NotFound(
                f"there is no schedule {text}: {error}", "give a file, or '0: vx=1; 4: vx=0'"
            ) from error
    parts = (line.partition("#")[0].strip() for line in text.replace(";", "\n").split("\n"))
    return [part for part in parts if part]


def _entry(line: str, names: Sequence[str]) -> tuple[float, list[float]]:
    second, colon, command = line.partition(":")
    if not colon:
        raise UsageError(f"{line!r} of the schedule is not SECONDS: COMMAND", "as in '4: vx=0.5'")
    return _number(second, line), _numbers(command, names)


def _numbers(text: str, names: Sequence[str]) -> list[float]:
    """A command (C,) by names or in their order."""
    parts = [part.strip() for part in text.split(",")]
    if not any("=" in part for part in parts):
        if len(parts) != len(names):
            raise UsageError(
                f"the command {text.strip()!r} needs {len(names)} numbers, not {len(parts)}",
                f"give {', '.join(names)}, or some of them by name: {names[0]}=0.5",
            )
        return [_number(part, text) for part in parts]
    given: dict[str, float] = {}
    for part in parts:
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or name not in names or name in given:
            raise UsageError(
                f"{part!r} of the command {text.strip()!r} is not one NAME=NUMBER",
                f"the names are {', '.join(names)}, each once at most",
            )
        given[name] = _number(value, text)
    return [given.get(name, 0.0) for name in names]


def _number(text: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise UsageError(f"{text.strip()!r} of {where.strip()!r} is not a number")
    return number


def outside(schedule: Schedule, low: np.ndarray, high: np.ndarray, names: Sequence[str]) -> str:
    """Which numbers of a schedule lie outside of what was trained on, bounds (C,); "" if none."""
    beyond = [
        f"{name} of {value:g} (trained on {least:g} to {most:g})"
        for name, least, most, column in zip(names, low, high, schedule.values.T, strict=True)
        for value in np.unique(column)
        if not least <= value <= most
    ]
    return ", ".join(beyond)
