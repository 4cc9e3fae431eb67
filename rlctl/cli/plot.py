"""`rlctl plot`: learning curves of runs."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from rlctl.cli import console
from rlctl.cli.console import Console
from rlctl.cli.formatting import number
from rlctl.cli.options import Json, Quiet, Verbose, complete_run


def plot(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN",
            help="Runs by folder, name or environment (its latest), or `latest`; left out: the "
            "latest run.",
            show_default=False,
            autocompletion=complete_run,
        ),
    ] = None,
    path: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help=".png, .svg, or .html: one page with settings, evaluations and films as well; "
            "left out: plot.png in the run's folder, or in this one for several runs.",
            show_default=False,
        ),
    ] = None,
    x: Annotated[
        Literal["steps", "time"], typer.Option("--x", help="Environment steps or wall time.")
    ] = "steps",
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Draw learning curves: return, length, reward terms, and how the learning goes.

    Several runs are compared in one figure, without the reward terms.
    """
    with console.command("plot", as_json, quiet, verbose) as out:
        from rlctl.actions.plot import plot as draw

        done = draw(runs or (), path, x, out.warn).to_json()
        out.data(done)
        _show(out, done)


def _show(out: Console, done: dict[str, Any]) -> None:
    names = ", ".join(name.replace("_", " ") for name in done["panels"])
    out.text(f"{done['path']}: {names}")
    rows = [
        (
            run["env"] or "-",
            run["algo"] or "-",
            "-" if run["steps"] is None else f"{run['steps']:,}",
            number(run["return"]),
            number(run["best"] and run["best"]["return"]),
            run["label"],
        )
        for run in done["runs"]
    ]
    out.table(("environment", "algorithm", "steps", "return", "best eval", "run"), rows)
    for run in done["runs"]:
        out.detail(f"{run['run']}: {run['updates']:,} updates, {run['evaluations']} evaluations")
