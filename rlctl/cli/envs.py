"""`rlctl envs`: list environments."""

from typing import Annotated

import typer

from rlctl import catalog
from rlctl.cli import console
from rlctl.cli.options import Json, Quiet


def complete_name(incomplete: str) -> list[tuple[str, str]]:
    """Complete names of environments and prefixes of families."""
    rows = [(row.name, row.summary) for row in catalog.envs().values()]
    rows += [(row.prefix, row.summary) for row in catalog.families().values()]
    return [pair for pair in rows if pair[0].startswith(incomplete)]


def envs(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Environment, or a family such as gym, to list only that.",
            show_default=False,
            autocompletion=complete_name,
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List environments, their sizes and rates.

    Shows physics back ends and presets as well.
    """
    with console.command("envs", as_json, quiet) as out:
        from rlctl.actions.envs import list_envs

        listing = list_envs(name)
        out.add_data(listing.to_json())
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
            out.print_table(header, rows)
        for number, family in enumerate(listing.families):
            if rows or number:
                out.print()
            physics = ", ".join(family.physics)
            out.print_wrapped(f"{family.prefix}:NAME  ", f"{family.summary} (physics: {physics})")
            names = " ".join(family.names) or f"`rlctl envs {family.prefix}` lists them"
            out.print_wrapped("  ", names)
