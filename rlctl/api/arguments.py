"""Arguments that several functions share, in the form the actions take. Loads no framework."""

import os
from collections.abc import Mapping
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


def text(path: PathLike | None) -> str | None:
    """Return the text that names a run or checkpoint; of a report, the folder of its run."""
    return None if path is None else os.fspath(path)


def file(path: PathLike | None) -> Path | None:
    """Return the path of a file or folder; None where it was left out."""
    return None if path is None else Path(path)


def values(settings: Settings | None) -> dict[str, Any]:
    """Return settings by their full names, {} where they were left out.

    Raises:
        UsageError: They are not a mapping.
    """
    if settings is None:
        return {}
    if not isinstance(settings, Mapping):
        raise UsageError(
            f"settings is a {type(settings).__name__}, not a dict",
            'give values by full name: settings={"section.key": value}',
        )
    return dict(settings)


def checked(kind: type[Numbers], **given: Any) -> Numbers:
    """Return arguments as a settings dataclass, each converted to its type.

    Args:
        kind: The dataclass; its fields say what is allowed.
        given: Arguments by the names of its fields.

    Raises:
        UsageError: One of them is not allowed; names it.
    """
    layer = set_layer({f".{name}": value for name, value in given.items()})
    return resolve({"": kind}, [layer])[""]


def told(command: Command | None, schedule: Schedule | None, clip: bool) -> CommandOverride:
    """Return commands in the form that the actions take."""
    return CommandOverride(_command(command), _schedule(schedule), clip)


def _command(command: Command | None) -> str | None:
    """Write a command as `--command` takes it."""
    if isinstance(command, Mapping):
        return ",".join(f"{name}={value}" for name, value in command.items())
    return command


def _schedule(schedule: Schedule | None) -> str | None:
    """Write a schedule of commands as `--command-schedule` takes it."""
    if isinstance(schedule, Mapping):
        return "; ".join(f"{at}: {_command(command)}" for at, command in schedule.items())
    return text(schedule)
