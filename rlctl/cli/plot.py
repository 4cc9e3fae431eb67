"""`rlctl plot`: draw learning curves of runs."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from rlctl.cli import console, options
from rlctl.cli.console import Console
from rlctl.cli.formatting import number
from rlctl.cli.options import Json, Quiet, Verbose, complete_run


def plot(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN",
            help="Runs by folder, name or environment (its latest), or `latest`; default: the "
            "latest run.",
            show_default=False,
            autocompletion=complete_run,
        ),
    ] = None,
    path: Annotated[
        Path | None,
        options.option(
            "--out",
            "FILE",
            "Write a .png, .svg, or .html: a page with settings, evaluations and videos; "
            "default: plot.png in the run's folder, for several runs in the current one.",
        ),
    ] = None,
    x: Annotated[
        Literal["steps", "time"],
        typer.Option("--x", help="Plot over environment steps or wall time."),
    ] = "steps",
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Draw learning curves of one or several runs.

    Shows return, length, reward terms and losses. Several runs are compared in one figure, without
    reward terms.
    """
    with console.command("plot", as_json, quiet, verbose) as out:
        from rlctl.actions.plot import plot as plot_action

        data = plot_action(runs or (), path, x, out.warn).to_json()
        out.add_data(data)
        _show(out, data)


def _show(out: Console, data: dict[str, Any]) -> None:
    names = ", ".join(name.replace("_", " ") for name in data["panels"])
    out.print(f"{data['path']}: {names}")
    rows = [
        (
            run["env"] or "-",
            run["algo"] or "-",
            "-" if run["steps"] is None else f"{run['steps']:,}",
            number(run["return"]),
            number(run["best"] and run["best"]["return"]),
            run["label"],
        )
        for run in data["runs"]
    ]
    out.print_table(("environment", "algorithm", "steps", "return", "best eval", "run"), rows)
    for run in data["runs"]:
        out.debug(f"{run['run']}: {run['updates']:,} updates, {run['evaluations']} evaluations")
