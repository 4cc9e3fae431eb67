"""Text that nobody vouches for: read in bounds, and plain values or an error that can be told."""

import codecs
import errno
import json
import math
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any, NoReturn

from rlctl.core.errors import Incompatible

DEEPEST = 32  # lists and objects within one another; far below where Python's own stack ends
_OTHER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_START = 1000  # bytes, where text of two bytes a letter shows some that are 0
_SHOWN = 60  # letters of a line that is wrong
_DOTS = 500  # in a line of TOML, which may be a list of numbers
_DIGITS = 20  # of a whole number: 64 bits


class Missing(Incompatible, KeyError):
    """A member that somebody needs is not there."""


class NotText(ValueError):
    """Bytes that are not text in UTF-8; says the first place that shows it."""


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
    text = decoded(data)
    if any(line.count(b".") > _DOTS for line in data.splitlines()):
        raise ValueError("it is nested too deeply")  # tomllib takes hours to say so of a.a.a.a...
    try:
        return checked(tomllib.loads(text))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{error}{_shown_line(text, str(error))}") from None


def _shown_line(text: str, message: str) -> str:
    """The line that a message of tomllib names, with escapes for what is not seen."""
    found = re.search(r"at line (\d+)", message)
    if found is None:
        return ""
    line = text.split("\n")[int(found[1]) - 1].removesuffix("\r")
    return f": {line[:_SHOWN]!a}" if line else ""


def decoded(data: bytes) -> str:
    """Text in UTF-8, as editors save it: a byte order mark is no part of it.

    Raises:
        NotText: It is of another encoding.
    """
    if data.startswith(_OTHER_MARKS) or b"\0" in data[:_START]:
        raise NotText("it is not text in UTF-8, but perhaps in UTF-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise NotText(f"it is not text in UTF-8: line {line} has the byte 0x{byte:02x}") from None


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
