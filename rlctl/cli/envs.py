"""`rlctl envs`: what can be trained."""

from typing import Annotated

import typer

from rlctl import catalog
from rlctl.cli import console
from rlctl.cli.options import Json, Quiet


def complete_name(incomplete: str) -> list[tuple[str, str]]:
    """Names of environments, prefixes of families."""
    rows = [(row.name, row.summary) for row in catalog.envs().values()]
    rows += [(row.prefix, row.summary) for row in catalog.FAMILIES]
    return [pair for pair in rows if pair[0].startswith(incomplete)]


def envs(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="One environment; or a family, such as gym, to list all of its names.",
            show_default=False,
            autocompletion=complete_name,
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the environments, with their sizes, rates, physics back ends and presets."""
    with console.command("envs", as_json, quiet) as out:
        from rlctl.actions.envs import list_envs

        listing = list_envs(name)
        out.data(listing.to_json())
        header = ("environment", "obs", "action", "rate", "physics", "presets", "summary")
        rows = [
            (
                env.name,
                env.observation,
                env.action,
                f"{env.rate:.3g} Hz",
                ", ".join(env.physics),
                ", ".join(env.presets) or "-",
                env.summary,
            )
            for env in listing.envs
        ]
        if rows:
            out.table(header, rows)
        for number, kind in enumerate(listing.families):
            if rows or number:
                out.text()
            physics = ", ".join(kind.physics)
            out.wrapped(f"{kind.prefix}:NAME  ", f"{kind.summary} (physics: {physics})")
            names = " ".join(kind.names) or f"`rlctl envs {kind.prefix}` lists them"
            out.wrapped("  ", names)
