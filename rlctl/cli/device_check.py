"""`rlctl device-check`: what this machine can do."""

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
        bool, typer.Option("--bench", help="Also measure every environment, for minutes.")
    ] = False,
    require_gpu: Annotated[
        bool, typer.Option("--require-gpu", help="Fail unless JAX can use a GPU.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check versions, devices, arithmetic, physics, speed, memory, drawing and saving.

    It ends with a summary to paste where you ask for help. Exit code 1 if training would not work.
    """
    with console.command("device-check", as_json, quiet) as out:
        device.select("auto")
        from rlctl.actions.device_check import device_check as check_all

        def tell(check: "Check") -> None:
            status = console.paint(check.status, _COLORS[check.status], out.stdout)
            out.wrapped(f"{status}  {check.name:<16} {check.seconds:6.2f} s  ", _found(check))
            if check.hint and check.status != "pass":
                out.wrapped(f"{'':<33}", check.hint)

        report = check_all(bench, require_gpu, tell)
        out.data(report.to_json())
        out.text()
        for line in report.summary().splitlines():
            out.wrapped("- " if line.startswith("- ") else "", line.removeprefix("- "))
        if failed := report.failed():
            hints = [check.hint for check in report.checks if check.name == failed[0]]
            raise CheckFailed(f"failed: {', '.join(failed)}", hints[0])


def _found(check: "Check") -> str:
    """What a check found, but for what the summary below has in full."""
    if check.name == "packages" and check.status == "pass":
        return f"{len(check.value)} packages fit together; their versions are below"
    return check.detail
