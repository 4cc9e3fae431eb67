"""The command line: what `rlctl` understands, in the order its help shows.

Importing this loads no numerical library; each command imports its action in its body.
"""

import os
import sys
from typing import Annotated, NoReturn

import typer

from rlctl import __version__
from rlctl.cli import (
    benchmark,
    compare,
    config,
    console,
    device_check,
    envs,
    eval,
    export,
    import_,
    inspect_ckpt,
    plot,
    render,
    train,
)
from rlctl.cli.help import App
from rlctl.core.errors import StoppedUnsaved
from rlctl.core.signals import SIGNALS

STOPPED = (StoppedUnsaved.exit_code, *(128 + signum for signum in SIGNALS))

app = App(
    name="rlctl",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("train")(train.train)
app.command("eval")(eval.evaluate)
app.command("render")(render.render)
app.command("inspect-ckpt")(inspect_ckpt.inspect_ckpt)
app.command("plot")(plot.plot)
app.command("benchmark")(benchmark.benchmark)
app.command("compare")(compare.compare)
app.command("export")(export.export)
app.command("import")(import_.import_)
app.command("device-check")(device_check.device_check)
app.command("inspect", hidden=True)(inspect_ckpt.inspect_ckpt)
app.command("check", hidden=True)(device_check.device_check)
app.command("envs")(envs.envs)
app.add_typer(config.app, name="config")


def _version(asked: bool) -> None:
    if asked:
        console.echo(f"rlctl {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _rlctl(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Train, evaluate, render and carry robot policies.

    rlctl train pendulum, then rlctl eval, then rlctl render --out demo.mp4

    With --install-completion, Tab completes environments, runs and settings.
    """
    if context.invoked_subcommand is None:
        console.echo(context.get_help())


def run(args: list[str]) -> int:
    """Do what the arguments say. Returns the exit code."""
    try:
        code = app(args, prog_name="rlctl", standalone_mode=False)
    except typer.TyperException as error:
        return console.usage_error(error, args)
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except SystemExit as ended:  # Typer's way to end at a closed pipe
        return console.PIPE_CLOSED if ended.code == 1 else int(ended.code or 0)
    return code if isinstance(code, int) else 0


def main() -> NoReturn:
    """Run the process's own arguments and exit."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = console.PIPE_CLOSED
    if code in STOPPED:
        sys.stderr.flush()
        os._exit(code)  # without waiting for the work that the signal cut off, in other threads
    if code == console.PIPE_CLOSED:  # or the interpreter would complain of it on its way out
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
