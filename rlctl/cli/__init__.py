"""Command line of rlctl; commands are registered in the order of the help.

Importing this package loads no numerical library; each command imports its action in its body.
"""

import io
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


def _version(requested: bool) -> None:
    if requested:
        console.echo(f"rlctl {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _rlctl(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Train, evaluate, render and export robot policies.

    rlctl train pendulum, then rlctl eval, then rlctl render --out demo.mp4

    With --install-completion, Tab completes environments, runs and settings.
    """
    if context.invoked_subcommand is None:
        console.echo(context.get_help())


def run(args: list[str]) -> int:
    """Run the command in `args`; return the exit code."""
    try:
        code = app(args, prog_name="rlctl", standalone_mode=False)
    except typer.TyperException as error:
        return console.usage_error(error, args)
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except SystemExit as ended:  # Typer exits with 1 at a closed pipe
        return console.PIPE_CLOSED if ended.code == 1 else int(ended.code or 0)
    return code if isinstance(code, int) else 0


def main() -> NoReturn:
    """Run the command in `sys.argv` and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = console.PIPE_CLOSED
    if code in STOPPED:
        sys.stderr.flush()
        os._exit(code)  # do not wait for threads whose work the signal interrupted
    if code == console.PIPE_CLOSED:  # else the interpreter prints an error at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
