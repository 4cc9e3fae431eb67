"""Rows of what somebody may type: arguments, the exit code, and words of the message."""

import shlex
from collections.abc import Iterator, Mapping

Row = tuple[list[str], int, list[str]]


def row(text: str, code: int, *words: str) -> Row:
    """One row; the arguments as in a shell."""
    return shlex.split(text), code, list(words)


def each(text: str, option: str, code: int, values: Mapping[str, str]) -> Iterator[Row]:
    """A row for each value of an option -> words of the message."""
    for value, words in values.items():
        yield [*shlex.split(text), f"{option}={value}"], code, [words]


WHOLE = {  # what is no whole number, wherever one is needed
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
