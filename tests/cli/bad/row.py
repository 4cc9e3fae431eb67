"""Rows of bad arguments: arguments, exit code, parts of the message."""

import shlex
from collections.abc import Iterator, Mapping

Row = tuple[list[str], int, list[str]]


def row(text: str, code: int, *parts: str) -> Row:
    """Return a row; `text` is split as in a shell."""
    return shlex.split(text), code, list(parts)


def each(text: str, option: str, code: int, values: Mapping[str, str]) -> Iterator[Row]:
    """Yield a row for each value of an option; `values` maps it to a part of the message."""
    for value, message in values.items():
        yield [*shlex.split(text), f"{option}={value}"], code, [message]


WHOLE = {  # bad values of every option that takes a whole number
    "": "'' is not a whole number",
    "x": "'x' is not a whole number",
    "1.5": "'1.5' is not a whole number",
    "nan": "'nan' is not a whole number",
    "inf": "'inf' is not a whole number",
    "1e99": "'1e99' is too large",
    "1,2": "'1,2' is not a whole number",
    "0x10": "'0x10' is not a whole number",
}
NUMBER = {
    "": "'' is not a number",
    "x": "'x' is not a number",
    "nan": "'nan' is not a finite number",
    "-inf": "'-inf' is not a finite number",
    "1e999": "'1e999' is not a finite number",
}
