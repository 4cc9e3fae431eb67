"""Bounded, strict reading and parsing of untrusted text files."""

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

MAX_DEPTH = 32  # nesting of lists and objects, far below Python's recursion limit
_OTHER_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_NUL_SCAN_BYTES = 1000  # UTF-16 text has NUL bytes among the first ones
_MAX_SHOWN = 60  # characters of an invalid line
_MAX_DOTS = 500  # in a line of TOML, e.g. a list of numbers
_MAX_DIGITS = 20  # of an integer: 64 bits


class MissingMember(Incompatible, KeyError):
    """Missing member of a saved JSON object."""


class NotText(ValueError):
    """Bytes that are not UTF-8 text; the message gives the first invalid position."""


class JsonObject(dict[str, Any]):
    """JSON object whose missing members raise `MissingMember`, an error for the user."""

    def __missing__(self, name: str) -> NoReturn:
        raise MissingMember(
            f"the saved data has no {name!r}", "use the version of rlctl that wrote it"
        )


def read(path: Path, max_bytes: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        OSError: The file cannot be read, is not regular (reading a pipe or device may never end),
            or has more than `max_bytes` bytes.
    """
    # O_NONBLOCK: opening a pipe without a writer would block.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "is not a regular file", str(path))
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise OSError(errno.E2BIG, f"has more than {max_bytes:,} bytes", str(path))
    return data


def parse_json(data: bytes) -> Any:
    """Parse strict UTF-8 JSON: no duplicate members, no NaN, no number beyond 64 bits.

    Raises:
        ValueError: The data is invalid or nested too deeply.
    """
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=_json_object,
            parse_constant=_refuse_constant,
            parse_float=_parse_float,
            parse_int=_parse_int,
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return check_depth(value)


def parse_toml(data: bytes) -> dict[str, Any]:
    """Parse UTF-8 TOML.

    Raises:
        ValueError: The data is invalid or nested too deeply.
    """
    text = decode_utf8(data)
    if any(line.count(b".") > _MAX_DOTS for line in data.splitlines()):
        raise ValueError("it is nested too deeply")  # tomllib takes hours for a.a.a.a...
    try:
        return check_depth(tomllib.loads(text))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{error}{_shown_line(text, str(error))}") from None


def _shown_line(text: str, message: str) -> str:
    """Return the line that a tomllib message refers to, with invisible characters escaped."""
    found = re.search(r"at line (\d+)", message)
    if found is None:
        return ""
    line = text.split("\n")[int(found[1]) - 1].removesuffix("\r")
    return f": {line[:_MAX_SHOWN]!a}" if line else ""


def decode_utf8(data: bytes) -> str:
    """Decode UTF-8 text, without its byte order mark if it has one.

    Raises:
        NotText: The text has another encoding.
    """
    if data.startswith(_OTHER_BOMS) or b"\0" in data[:_NUL_SCAN_BYTES]:
        raise NotText("it is not UTF-8 text, perhaps UTF-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise NotText(f"it is not UTF-8 text: line {line} has the byte 0x{byte:02x}") from None


def check_depth(value: Any, max_depth: int = MAX_DEPTH) -> Any:
    """Return `value` if its nesting depth is at most `max_depth`.

    Raises:
        ValueError: The value is nested more deeply.
    """
    # Level by level, without recursion, so that the check itself cannot overflow the stack.
    level = [value]
    for _ in range(max_depth + 1):
        level = [item for item in level if isinstance(item, (dict, list))]
        if not level:
            return value
        within = (item.values() if isinstance(item, dict) else item for item in level)
        level = [inner for items in within for inner in items]
    raise ValueError("it is nested too deeply")


def _json_object(pairs: list[tuple[str, Any]]) -> JsonObject:
    members = JsonObject(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member occurs twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not valid JSON")


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def _parse_int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"{text[:20]}... is too large a number")
    return int(text)
