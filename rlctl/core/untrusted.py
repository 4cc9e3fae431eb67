"""Text that nobody vouches for: read in bounds, and plain values or an error that can be told."""

import errno
import json
import math
import os
import stat
import tomllib
from pathlib import Path
from typing import Any, NoReturn

from rlctl.core.errors import Incompatible

DEEPEST = 32  # lists and objects within one another; far below where Python's own stack ends
_DOTS = 500  # in a line of TOML, which may be a list of numbers
_DIGITS = 20  # of a whole number: 64 bits


class Missing(Incompatible, KeyError):
    """A member that somebody needs is not there."""


class Members(dict[str, Any]):
    """An object of JSON. To ask for a member that it has not is no bug of who asks."""

    def __missing__(self, name: str) -> NoReturn:
        raise Missing(
            f"what was saved says nothing of {name!r}", "use the version of rlctl that wrote it"
        )


def read(path: Path, most: int) -> bytes:
    """All of a regular file.

    Raises:
        OSError: It cannot be read, is no regular file (a pipe would be waited for, a device may
            never end), or has more than `most` bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "is no regular file", str(path))
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.E2BIG, f"has more than {most:,} bytes", str(path))
    return data


def parse_json(data: bytes) -> Any:
    """Strict JSON in UTF-8: no member twice, no NaN, no number that 64 bits do not hold.

    Raises:
        ValueError: It is not that, or nested too deeply.
    """
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=_members,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_whole,
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return checked(value)


def parse_toml(data: bytes) -> dict[str, Any]:
    """TOML in UTF-8.

    Raises:
        ValueError: It is not that, or nested too deeply.
    """
    if any(line.count(b".") > _DOTS for line in data.splitlines()):
        raise ValueError("it is nested too deeply")  # tomllib takes hours to say so of a.a.a.a...
    try:
        return checked(tomllib.loads(data.decode()))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def checked(value: Any, deepest: int = DEEPEST) -> Any:
    """The value, if whoever walks through it comes to an end.

    Raises:
        ValueError: It is nested more than `deepest` times.
    """
    level = [value]
    for _ in range(deepest + 1):
        level = [item for item in level if isinstance(item, (dict, list))]
        if not level:
            return value
        within = (item.values() if isinstance(item, dict) else item for item in level)
        level = [inner for items in within for inner in items]
    raise ValueError("it is nested too deeply")


def _members(pairs: list[tuple[str, Any]]) -> Members:
    members = Members(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is there twice")
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def _whole(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(f"{text[:20]}... is too large a number")
    return int(text)
