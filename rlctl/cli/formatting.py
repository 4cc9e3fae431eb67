"""Figures as people read them: numbers, times, bars and curves of one line."""

import math
import os
import re
import unicodedata
from collections.abc import Sequence
from shutil import get_terminal_size
from typing import IO, Any

from rlctl.core.files import to_json

_COLOUR = re.compile(r"\033\[[0-9;]*m")
_CURVE, _PLAIN_CURVE = "▁▂▃▄▅▆▇█", "_.-~=+*#"
_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def number(value: Any) -> str:
    """A figure in four digits or so, `-` where there is none."""
    if not isinstance(value, (int, float)):
        value = value.item() if hasattr(value, "item") else None
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def setting_text(value: Any) -> str:
    """A setting as `--set` takes it."""
    return "none" if value is None else to_json(value)


def steady(value: Any) -> str:
    """A figure with as many decimals as its size asks for, so that columns stay in line."""
    text = number(value)
    size = abs(float(value)) if text != "-" else math.inf
    return text if size >= 1e4 else f"{value:,.{3 if size < 10 else 2 if size < 100 else 1}f}"


def short(count: float) -> str:
    """A count in three digits and a unit: 512, 51.2k, 16.0M."""
    for size, unit in _UNITS:
        if count >= 0.9995 * size:
            scaled = count / size
            return f"{scaled:.{2 if scaled < 9.995 else 1 if scaled < 99.95 else 0}f}{unit}"
    return f"{count:.0f}"


def duration(seconds: float) -> str:
    """Seconds as 0:12 or 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def percent(share: float) -> str:
    """A share of 0 to 1 as a whole number of percent; 100 % only of all."""
    return f"{min(int(100 * share), 100)} %"


def curve(values: Sequence[float], width: int, unicode: bool = True) -> str:
    """Values as a curve of one line, the lowest and the highest of them at its ends.

    Args:
        values: From left to right.
        width: The most characters; of more values each character shows the last of several.
        unicode: Whether block characters can be printed.
    """
    levels = _CURVE if unicode else _PLAIN_CURVE
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return ""
    low, high = min(known), max(known)
    scale = (len(levels) - 1) / (high - low) if high > low else 0.0
    count = min(len(values), width)
    ends = [len(values) * (i + 1) // count - 1 for i in range(count)]
    shown = (values[end] for end in ends)
    return "".join(
        levels[round((value - low) * scale)] if math.isfinite(value) else " " for value in shown
    )


def bar(share: float, width: int, unicode: bool = True) -> str:
    """A bar of which a share of 0 to 1 is full."""
    full = int(min(max(share, 0.0), 1.0) * width)
    return "█" * full + "░" * (width - full) if unicode else "#" * full + "." * (width - full)


def cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    text = _COLOUR.sub("", text)
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def clipped(text: str, width: int) -> str:
    """The end of a plain text, in at most `width` columns."""
    while cells(text) > width:
        text = ".." + text[3:] if len(text) > 3 else text[1:]
    return text


def columns(stream: IO[str]) -> int:
    """How wide a terminal is now."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError, AttributeError):
        return get_terminal_size().columns


def can_draw(stream: IO[str]) -> bool:
    """Whether the stream can print bars, curves and frames."""
    try:
        (_CURVE + "█░╭╮╰╯─│").encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
