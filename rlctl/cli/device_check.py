"""`rlctl device-check`: check what this machine supports."""

from typing import TYPE_CHECKING, Annotated

import typer

from rlctl.cli import console
from rlctl.cli.options import Json, Quiet
from rlctl.core import device
from rlctl.core.errors import CheckFailed

if TYPE_CHECKING:
    from rlctl.actions.device_check import Check

_COLORS = {"pass": "32", "warn": "33", "fail": "31", "skip": "2"}


def device_check(
    bench: Annotated[
        bool, typer.Option("--bench", help="Also benchmark every environment; takes minutes.")
    ] = False,
    require_gpu: Annotated[
        bool, typer.Option("--require-gpu", help="Fail unless JAX can use a GPU.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check what works on this machine, and how fast.

    Checks versions, devices, arithmetic, physics, speed, memory, rendering and saving. Ends with a
    summary to paste into a bug report. Exits with 1 if training would not work.
    """
    with console.command("device-check", as_json, quiet) as out:
        device.select("auto")
        from rlctl.actions.device_check import device_check as check_all

        def print_check(check: "Check") -> None:
            status = console.colorize(check.status, _COLORS[check.status], out.stdout)
            out.print_wrapped(
                f"{status}  {check.name:<16} {check.seconds:6.2f} s  ", _detail(check)
            )
            if check.hint and check.status != "pass":
                out.print_wrapped(f"{'':<33}", check.hint)

        report = check_all(bench, require_gpu, print_check)
        out.add_data(report.to_json())
        out.print()
        for line in report.summary().splitlines():
            out.print_wrapped("- " if line.startswith("- ") else "", line.removeprefix("- "))
        if failed := report.failed():
            hints = [check.hint for check in report.checks if check.name == failed[0]]
            raise CheckFailed(f"failed: {', '.join(failed)}", hints[0])


def _detail(check: "Check") -> str:
    """Return the detail of a check; the versions of packages are only in the summary."""
    if check.name == "packages" and check.status == "pass":
        return f"{len(check.value)} compatible packages; versions below"
    return check.detail
