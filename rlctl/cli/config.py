"""`rlctl config`: show the settings of a training, or validate a file of settings."""

import difflib
from pathlib import Path
from typing import Annotated, Any

import typer

from rlctl.cli import console, options
from rlctl.cli.formatting import setting_text
from rlctl.cli.help import App, Group
from rlctl.cli.options import Algo, Config, Cpu, Device, Env, Json, OptionalEnv, Quiet, Set


class _ShowByDefault(Group):
    """Group that reads `config ENV` as `config show ENV`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        word = args[0]
        if word not in self.commands and not difflib.get_close_matches(word, self.commands):
            args = ["show", *args]
        return super().resolve_command(ctx, args)


app = App(
    help="Show or validate settings; `config ENV` shows them.",
    rich_markup_mode=None,
    cls=_ShowByDefault,
)


@app.command("show")
def show(
    env: Env,
    algo: Algo = "ppo",
    config: Config = None,
    set_: Set = None,
    device: Device = "auto",
    cpu: Cpu = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show every setting of a training: value, origin and meaning."""
    with console.command("config show", as_json, quiet) as out:
        from rlctl.actions.config import show as show_action

        file = options.path(config)
        report = show_action(env, algo, file, tuple(set_ or ()), options.device(device, cpu))
        for notice in report.resolved.notices:
            out.warn(notice)
        out.add_data(report.to_json())
        rows = [
            (row.name, setting_text(row.value), row.origin, row.help)
            for row in report.resolved.rows()
        ]
        out.print_table(("setting", "value", "from", "meaning"), rows)


@app.command("validate")
def validate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="TOML file of settings.")],
    env: OptionalEnv = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Validate a configuration file, with the settings of ENV if it is given."""
    with console.command("config validate", as_json, quiet) as out:
        from rlctl.actions.config import validate as validate_action

        data = validate_action(Path(file), env)
        out.add_data(data)
        count = len(data["values"])
        out.print(f"{file} is valid: {count} setting{'s' if count != 1 else ''}")
