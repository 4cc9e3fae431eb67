"""The pages of the documentation and what stands in them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
    if "_build" not in path.relative_to(ROOT).parts
)
_FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INDENTED = re.compile(r"(?:(?<=\n\n)|(?<=^))(?: {4}.*\n)+", re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")


def name(path: Path) -> str:
    """A page as tests call it."""
    return str(path.relative_to(ROOT))


def blocks(text: str) -> list[tuple[str, str]]:
    """The fenced blocks of a page: language and text."""
    return _FENCE.findall(text)


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", text)


def spans(text: str) -> list[str]:
    """What stands in single backticks."""
    return _SPAN.findall(prose(text))


def commands(path: Path) -> list[tuple[list[str], bool]]:
    """The arguments of every `rlctl ...` on a page, and whether it stands in a block.

    What stands in a block is a whole command; in a sentence, `rlctl compare` may be but a name.
    """
    text = path.read_text()
    code = [block.replace("\\\n", " ") for _, block in blocks(text)] + _INDENTED.findall(
        prose(text)
    )
    lines = [(line, True) for block in code for line in block.splitlines()]
    lines += [(line, False) for line in spans(text)]
    return [(words, whole) for line, whole in lines for words in _commands(line)]


def _commands(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line.strip().removeprefix("$ "), posix=True, punctuation_chars=";&|()")
    lexer.whitespace_split = True
    words: list[str] = []
    try:
        tokens = list(lexer)
    except ValueError:  # prose, with an apostrophe
        return
    for token in [*tokens, ";"]:
        if set(token) <= set(";&|"):
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)  # variables of one command
            if words[:1] == ["rlctl"]:
                yield words[1:]
            words = []
        else:
            words.append(token)
