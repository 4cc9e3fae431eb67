"""Help text with colored headings and names on terminals that support colors."""

import re
import sys
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.models import CommandFunctionType

from rlctl.cli.console import colorizer

_HEADING = re.compile(r"^(?:Usage|Arguments|Options|Commands):", re.MULTILINE)
_NAME = re.compile(r"^(  )(-{1,2}[-\w]+(?:, --[-\w]+)*|[a-z][-a-z]*(?=  ))", re.MULTILINE)


class Command(TyperCommand):
    """Command with colored help."""

    # Typer's public Context is a subclass of the one that the method is declared with.
    def get_help(self, ctx: typer.Context) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the help text."""
        return colored(super().get_help(ctx))


class Group(TyperGroup):
    """Group of commands with colored help."""

    # Typer's public Context is a subclass of the one that the method is declared with.
    def get_help(self, ctx: typer.Context) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the help text."""
        return colored(super().get_help(ctx))


class App(typer.Typer):
    """Typer app with colored help."""

    def __init__(self, cls: type[TyperGroup] = Group, **options: Any) -> None:
        super().__init__(cls=cls, **options)

    def command(
        self, name: str | None = None, *, cls: type[TyperCommand] | None = Command, **options: Any
    ) -> Callable[[CommandFunctionType], CommandFunctionType]:
        """Add a command with colored help."""
        return super().command(name, cls=cls, **options)


def colored(text: str) -> str:
    """Return help text with bold headings and with options and commands in cyan."""
    colorize = colorizer(sys.stdout)
    text = _NAME.sub(lambda match: match[1] + colorize(match[2], "36"), text)
    return _HEADING.sub(lambda match: colorize(match[0], "1"), text)
