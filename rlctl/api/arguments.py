"""Conversion of arguments to the form that actions take. Loads no framework."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from rlctl.actions.command_override import CommandOverride
from rlctl.core.config import resolve, set_layer
from rlctl.core.errors import UsageError

Backend = Literal["numpy", "jax", "torch"]
Device = Literal["auto", "cpu", "gpu", "cuda"]
Physics = Literal["auto", "native", "jax", "warp"]
PathLike = str | os.PathLike[str]
Settings = Mapping[str, Any]  # "section.key" -> value
Command = str | Mapping[str, float]
Schedule = str | os.PathLike[str] | Mapping[float, Command]
Numbers = TypeVar("Numbers")


def checkpoint_name(path: PathLike | None) -> str | None:
    """Return the name of a run or checkpoint; for a report, the folder of its run."""
    return None if path is None else os.fspath(path)


def checkpoint_names(paths: PathLike | Sequence[PathLike] | None) -> list[str | None]:
    """Return the names of one or several checkpoints, at least one; None is the default."""
    if isinstance(paths, Sequence) and not isinstance(paths, str):
        return [checkpoint_name(path) for path in paths] or [None]
    return [checkpoint_name(paths)]


def file(path: PathLike | None) -> Path | None:
    """Return the path of a file or folder; None if not given."""
    return None if path is None else Path(path)


def values(settings: Settings | None) -> dict[str, Any]:
    """Return settings by their full names; {} if not given.

    Raises:
        UsageError: `settings` is not a mapping.
    """
    if settings is None:
        return {}
    if not isinstance(settings, Mapping):
        raise UsageError(
            f"settings is a {type(settings).__name__}, not a dict",
            'give values by full name: settings={"section.key": value}',
        )
    return dict(settings)


def validate(kind: type[Numbers], **given: Any) -> Numbers:
    """Convert and validate arguments with a settings dataclass.

    Args:
        kind: The dataclass; its fields define types and ranges.
        given: Arguments by field name.

    Raises:
        UsageError: An argument is not allowed; the message names it.
    """
    layer = set_layer({f".{name}": value for name, value in given.items()})
    return resolve({"": kind}, [layer])[kind]


def command_override(
    command: Command | None, schedule: Schedule | None, clip: bool
) -> CommandOverride:
    """Return the command override of `command`, `command_schedule` and `clip_command`."""
    return CommandOverride(_command(command), _schedule(schedule), clip)


def _command(command: Command | None) -> str | None:
    """Format a command as `--command` accepts it."""
    if isinstance(command, Mapping):
        return ",".join(f"{name}={value}" for name, value in command.items())
    return command


def _schedule(schedule: Schedule | None) -> str | None:
    """Format a command schedule as `--command-schedule` accepts it."""
    if isinstance(schedule, Mapping):
        return "; ".join(f"{at}: {_command(command)}" for at, command in schedule.items())
    return None if schedule is None else os.fspath(schedule)
