"""Command schedules, which replace the random commands of an environment.

Shapes: N environments, C numbers of a command, K commands of a schedule.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rlctl.core.errors import NotFound, UsageError
from rlctl.core.safe_io import NotText, decode_utf8, read

_MAX_BYTES = 2**20  # of a schedule file


@dataclass(frozen=True)
class CommandSchedule:
    """Commands over time, counted from the start of every episode.

    Attributes:
        seconds: (K,) start time of each command, rising from 0.
        values: (K, C) float32 commands, in the environment's units.
    """

    seconds: np.ndarray
    values: np.ndarray

    def at(self, seconds: np.ndarray) -> np.ndarray:
        """Return the commands (N, C) at these times (N,)."""
        return self.values[np.searchsorted(self.seconds, seconds, side="right") - 1]

    def clip(self, low: np.ndarray, high: np.ndarray) -> "CommandSchedule":
        """Return the schedule clipped to bounds (C,)."""
        return CommandSchedule(self.seconds, np.clip(self.values, low, high))


def parse_commands(
    command: str | None, schedule: str | None, names: Sequence[str]
) -> CommandSchedule | None:
    """Parse --command and --command-schedule.

    Args:
        command: Such as `vx=1,yaw=-0.5` (others 0) or `1,0,-0.5`.
        schedule: Such as `0: vx=1; 4: 0,0,0.7`, or a file with one such entry per line.
        names: Names of the C components of the environment's command.

    Returns:
        The schedule, None if neither was given.

    Raises:
        UsageError: Both were given, or one is not valid.
        NotFound: The file does not exist.
    """
    if command is not None and schedule is not None:
        raise UsageError(
            "--command and --command-schedule contradict each other", "give one of the two"
        )
    text = command if schedule is None else schedule
    if text is None:
        return None
    if not names:
        raise UsageError("this environment takes no command", "leave the command out")
    if not text:
        raise UsageError(
            f"the {'schedule' if command is None else 'command'} is empty",
            f"leave it out, or give a command such as {names[0]}=0.5",
        )
    if schedule is None:
        return CommandSchedule(np.zeros(1), np.array([_numbers(text, names)], np.float32))
    entries = [_entry(line, names) for line in _lines(schedule)]
    seconds = np.array([second for second, _ in entries])
    if not entries or seconds[0] != 0.0 or (np.diff(seconds) <= 0.0).any():
        raise UsageError(
            f"the times of the schedule are {', '.join(f'{s:g}' for s in seconds) or 'none'}",
            "begin at 0 and give rising times, as in '0: vx=1; 4: vx=0,yaw=0.7'",
        )
    return CommandSchedule(seconds, np.array([values for _, values in entries], np.float32))


def _lines(text: str) -> list[str]:
    """Return the entries of a schedule or of a schedule file, without comments."""
    if ":" not in text or Path(text).is_file():
        try:
            text = decode_utf8(read(Path(text), _MAX_BYTES))
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
    """Parse a command (C,), given by name or in order."""
    parts = [part.strip() for part in text.split(",")]
    if not any("=" in part for part in parts):
        if len(parts) != len(names):
            raise UsageError(
                f"the command {text.strip()!r} needs {len(names)} numbers, not {len(parts)}",
                f"give {', '.join(names)}, or some of them by name, as in {names[0]}=0.5",
            )
        return [_number(part, text) for part in parts]
    given: dict[str, float] = {}
    for part in parts:
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or name not in names or name in given:
            raise UsageError(
                f"{part!r} of the command {text.strip()!r} is not one NAME=NUMBER",
                f"the names are {', '.join(names)}; give each once at most",
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


def out_of_range(
    schedule: CommandSchedule, low: np.ndarray, high: np.ndarray, names: Sequence[str]
) -> str:
    """Describe commands outside the range of the training, bounds (C,); "" if there are none."""
    outside = [
        f"{name} of {value:g} (trained on {least:g} to {most:g})"
        for name, least, most, column in zip(names, low, high, schedule.values.T, strict=True)
        for value in np.unique(column)
        if not least <= value <= most
    ]
    return ", ".join(outside)
