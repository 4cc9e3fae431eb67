"""Parsing and validation of setting values.

All functions raise ValueError with a message that continues "<the setting>: ...".
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin

from rlctl.core.safe_io import MAX_DEPTH, check_depth, parse_json
from rlctl.core.suggest import did_you_mean

LARGEST = 2**63 - 1  # of int64
Raw = TypeVar("Raw")


def parse(raw: object, kind: Any) -> Any:
    """Return the value converted to the type `kind`. Text is parsed, other values are checked.

    Args:
        raw: Text (`--set`, flags), or a value from TOML or JSON.
        kind: bool, int, float, str, Path, a tuple of them, or an optional one of these.
    """
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        if raw is None or (isinstance(raw, str) and raw.lower() == "none"):
            return None
        (kind,) = (part for part in get_args(kind) if part is not NoneType)
        return parse(raw, kind)
    if origin is tuple:
        return _parse_tuple(raw, get_args(kind))
    parsers = {bool: _parse_bool, int: _parse_int, float: _parse_float, str: _parse_text}
    return Path(_parse_text(raw)) if kind is Path else parsers[kind](raw)


def parse_untyped(text: str) -> Any:
    """Parse a text of unknown type as JSON; return the text itself if it is not JSON.

    `True`, `False` and `None` are accepted as well, in any case.
    """
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    parsers = {"parse_constant": _parse_float, "parse_float": _parse_float, "parse_int": _parse_int}
    try:
        return json.loads(text, **parsers)
    except (json.JSONDecodeError, RecursionError):
        return text


def check_storable(value: Raw) -> Raw:
    """Return the value if it can be stored in a manifest, else raise ValueError."""
    # Half the depth: the value is nested in the manifest's own objects.
    try:
        parse_json(json.dumps(check_depth(value, MAX_DEPTH // 2), allow_nan=False).encode())
    except (TypeError, ValueError):
        raise ValueError(
            f"{_short(value)} cannot be stored: use numbers, text, lists or tables"
        ) from None
    return value


def _parse_tuple(raw: object, kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    if isinstance(raw, str):
        raw = [part.strip() for part in raw.strip("[]() ").split(",") if part.strip()]
    if not isinstance(raw, (list, tuple)):
        raw = [raw]
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(parse(item, kinds[0]) for item in raw)
    if len(raw) != len(kinds):
        raise ValueError(f"needs {len(kinds)} values, got {len(raw)}")
    return tuple(parse(item, kind) for item, kind in zip(raw, kinds, strict=True))


def _parse_bool(raw: object) -> bool:
    words = {"true": True, "false": False}
    value = words.get(raw.lower()) if isinstance(raw, str) else raw
    if not isinstance(value, bool):
        raise ValueError(f"{_short(raw)} is neither true nor false")
    return value


def _parse_int(raw: object) -> int:
    try:
        if isinstance(raw, bool):
            raise ValueError
        value = raw if isinstance(raw, int) else _whole(raw)
    except (ValueError, TypeError, OverflowError):
        raise ValueError(f"{_short(raw)} is not a whole number") from None
    if abs(value) > LARGEST:
        raise ValueError(f"{_short(raw)} is too large")
    return value


def _whole(raw: object) -> int:
    try:
        return int(raw) if isinstance(raw, str) else int(str(raw))
    except ValueError:
        value = float(str(raw))  # 1e6
        if not value.is_integer():
            raise
        return int(value)


def _parse_float(raw: object) -> float:
    try:
        if isinstance(raw, bool):
            raise ValueError
        value = float(cast(str, raw))  # or a number; others raise
    except (ValueError, TypeError, OverflowError):
        raise ValueError(f"{_short(raw)} is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{_short(raw)} is not a finite number")
    return value


def _parse_text(raw: object) -> str:
    if not isinstance(raw, str):
        raise ValueError(f"{_short(raw)} is not text")
    return raw


def _short(raw: object) -> str:
    text = repr(raw) if not isinstance(raw, int) or abs(raw) <= LARGEST else "the number"
    return text if len(text) <= 60 else text[:57] + "..."


def validate(value: object, allowed: Mapping[str, Any]) -> None:
    """Validate a value, or every item of a tuple, against `low`, `high` and `choices`."""
    low, high, choices = (allowed.get(name) for name in ("low", "high", "choices"))
    for item in value if isinstance(value, tuple) else (value,):
        if item is None:
            continue
        if choices is not None and item not in choices:
            question = did_you_mean(str(item)[:60], map(str, choices))
            hint = f"; {question}" if question else ""
            raise ValueError(f"{_short(item)} is not one of {', '.join(map(str, choices))}{hint}")
        if low is not None and item < low:
            raise ValueError(f"{item} is below the smallest allowed, {low:g}")
        if high is not None and item > high:
            raise ValueError(f"{item} is above the largest allowed, {high:,}")
