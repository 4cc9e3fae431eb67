"""Arguments that several functions share, in the form the actions take. Loads no framework."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

Backend = Literal["numpy", "jax", "torch"]
Device = Literal["auto", "cpu", "gpu"]
Physics = Literal["auto", "native", "jax", "warp"]
PathLike = str | os.PathLike[str]
Settings = Mapping[str, Any]  # "section.key" -> value
Command = str | Mapping[str, float]
Schedule = str | os.PathLike[str] | Mapping[float, Command]


def text(path: PathLike | None) -> str | None:
    """What names a run or a checkpoint: text, or a path, or a report that stands for its run."""
    return None if path is None else os.fspath(path)


def file(path: PathLike | None) -> Path | None:
    """A file or folder that may have been left out."""
    return None if path is None else Path(path)


def named(settings: Settings | None, section: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by their full names, and over them the arguments that were given.

    Args:
        settings: "section.key" -> value.
        section: Of the arguments.
        given: Key -> value, None where it was left out.
    """
    arguments = {f"{section}.{key}": value for key, value in given.items() if value is not None}
    return {**(settings or {}), **arguments}


def command_text(command: Command | None) -> str | None:
    """A command as `--command` takes it."""
    if command is None or isinstance(command, str):
        return command
    return ",".join(f"{name}={value}" for name, value in command.items())


def schedule_text(schedule: Schedule | None) -> str | None:
    """A schedule of commands as `--command-schedule` takes it."""
    if isinstance(schedule, Mapping):
        return "; ".join(f"{at}: {command_text(command)}" for at, command in schedule.items())
    return text(schedule)
