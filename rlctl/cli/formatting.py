"""Formatting for terminals: numbers, durations, bars and sparklines."""

import math
import os
import re
import unicodedata
from collections.abc import Sequence
from shutil import get_terminal_size
from typing import IO, Any

from rlctl.core.files import to_json

_COLOR = re.compile(r"\033\[[0-9;]*m")
_SPARKLINE, _PLAIN_SPARKLINE = "▁▂▃▄▅▆▇█", "_.-~=+*#"
_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def number(value: Any) -> str:
    """Format a number with four significant digits; `-` if it is missing or not finite."""
    if not isinstance(value, (int, float)):
        value = value.item() if hasattr(value, "item") else None
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def setting_text(value: Any) -> str:
    """Format a setting as `--set` accepts it."""
    return "none" if value is None else to_json(value)


def aligned(value: Any) -> str:
    """Format a number with decimals by magnitude, so that columns stay aligned."""
    text = number(value)
    size = abs(float(value)) if text != "-" else math.inf
    return text if size >= 1e4 else f"{value:,.{3 if size < 10 else 2 if size < 100 else 1}f}"


def short_count(count: float) -> str:
    """Format a count with three digits and a unit: 512, 51.2k, 16.0M."""
    for size, unit in _UNITS:
        if count >= 0.9995 * size:
            scaled = count / size
            return f"{scaled:.{2 if scaled < 9.995 else 1 if scaled < 99.95 else 0}f}{unit}"
    return f"{count:.0f}"


def duration(seconds: float) -> str:
    """Format seconds as 0:12 or 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def percent(fraction: float) -> str:
    """Format a fraction, 0 to 1, in whole percent; 100 % only if it is complete."""
    return f"{min(int(100 * fraction), 100)} %"


def sparkline(values: Sequence[float], width: int, unicode: bool = True) -> str:
    """Return a sparkline, scaled from the lowest to the highest value.

    Args:
        values: Values from left to right.
        width: Maximum length; with more values, each character shows the last of several.
        unicode: Whether block characters can be printed.
    """
    levels = _SPARKLINE if unicode else _PLAIN_SPARKLINE
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


def bar(fraction: float, width: int, unicode: bool = True) -> str:
    """Return a progress bar that is filled to a fraction, 0 to 1."""
    full = int(min(max(fraction, 0.0), 1.0) * width)
    return "█" * full + "░" * (width - full) if unicode else "#" * full + "." * (width - full)


def display_width(text: str) -> int:
    """Return the terminal columns that the text takes: wide characters take two, colors none."""
    text = _COLOR.sub("", text)
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def clip_start(text: str, width: int) -> str:
    """Cut a text without colors at its start to at most `width` columns."""
    while display_width(text) > width:
        text = ".." + text[3:] if len(text) > 3 else text[1:]
    return text


def terminal_columns(stream: IO[str]) -> int:
    """Return the current width of a terminal."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError, AttributeError):
        return get_terminal_size().columns


def supports_unicode(stream: IO[str]) -> bool:
    """Return whether the stream can encode bars, sparklines and frames."""
    try:
        (_SPARKLINE + "█░╭╮╰╯─│").encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
