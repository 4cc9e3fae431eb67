"""A hostile file, and the command that is to look at it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """One attempt.

    Attributes:
        name: What it is.
        make: Makes the file, or more, in an empty private folder.
        command: The arguments, as one text.
        codes: The exit codes that are right.
    """

    name: str
    make: Callable[[Path], object]
    command: str
    codes: tuple[int, ...]


def writer(name: str, data: bytes | str) -> Callable[[Path], object]:
    """What writes a file of that content."""
    content = data if isinstance(data, bytes) else data.encode(errors="surrogatepass")

    def make(place: Path) -> None:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)

    return make
