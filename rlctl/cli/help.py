"""Help with its headings and names in color, where a terminal has colors."""

import re
import sys
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from rlctl.cli.console import in_color

_HEADING = re.compile(r"^(?:Usage|Arguments|Options|Commands):", re.MULTILINE)
_NAME = re.compile(r"^(  )(-{1,2}[-\w]+(?:, --[-\w]+)*|[a-z][-a-z]*(?=  ))", re.MULTILINE)


class Command(TyperCommand):
    """A command whose help has colors."""

    def get_help(self, ctx: typer.Context) -> str:
        """The help's text."""
        return colored(super().get_help(ctx))


class Group(TyperGroup):
    """A group of commands whose help has colors."""

    def get_help(self, ctx: typer.Context) -> str:
        """The help's text."""
        return colored(super().get_help(ctx))


class App(typer.Typer):
    """An app whose help has colors, and that of its commands."""

    def __init__(self, cls: type[TyperGroup] = Group, **options: Any) -> None:
        super().__init__(cls=cls, **options)

    def command(self, name: str, hidden: bool = False) -> Callable[[Callable], Callable]:
        """Add a command; a hidden one is not listed."""
        return super().command(name, cls=Command, hidden=hidden)


def colored(text: str) -> str:
    """Help with bold headings, and options and commands in cyan."""
    paint = in_color(sys.stdout)
    text = _NAME.sub(lambda found: found[1] + paint(found[2], "36"), text)
    return _HEADING.sub(lambda found: paint(found[0], "1"), text)
