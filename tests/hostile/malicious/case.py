"""Test case: a hostile file and the command that reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """Hostile file with its command.

    Attributes:
        name: Description.
        make: Creates the files in an empty folder.
        command: The arguments, as one text.
        codes: The accepted exit codes.
    """

    name: str
    make: Callable[[Path], object]
    command: str
    codes: tuple[int, ...]


def writer(name: str, data: bytes | str) -> Callable[[Path], object]:
    """Return a function that writes a file with this content."""
    content = data if isinstance(data, bytes) else data.encode(errors="surrogatepass")

    def make(place: Path) -> None:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)

    return make
