"""`rlctl envs`: what can be trained."""

from rlctl.cli import console
from rlctl.cli.options import Json, Quiet


def envs(as_json: Json = False, quiet: Quiet = False) -> None:
    """List the environments, with their sizes, rates, physics back ends and presets."""
    with console.command("envs", as_json, quiet) as out:
        from rlctl.actions.envs import list_envs

        listing = list_envs()
        out.data(listing.to_json())
        header = ("environment", "observation", "action", "rate", "physics", "presets", "summary")
        rows = [
            (
                env.name,
                env.observation,
                env.action,
                f"{env.rate:g} Hz",
                ", ".join(env.physics),
                ", ".join(env.presets) or "-",
                env.summary,
            )
            for env in listing.envs
        ]
        out.table(header, rows)
        for family in listing.families:
            out.text()
            physics = ", ".join(family.physics)
            out.text(f"{family.prefix}:NAME  {family.summary} (physics: {physics})")
            out.text(f"  {' '.join(family.names)}")
