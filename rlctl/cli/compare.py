"""`rlctl compare`: whether a policy is the same policy in every framework."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from rlctl.cli import console, options
from rlctl.cli.console import Console
from rlctl.cli.options import Ckpt, Cpu, Device, Json, OptionalEnv, Quiet, Verbose
from rlctl.core.config import flag_layer, resolve, setting
from rlctl.core.device import select
from rlctl.core.errors import CheckFailed


@dataclass(frozen=True)
class Numbers:
    """The flags that take a number."""

    num_tests: int = setting(10, "observations", low=1, high=100_000)
    tolerance: float = setting(1e-5, "greatest difference", low=1e-9, high=1)
    seed: int = setting(0, "seed of observations and noise", low=0, high=2**31 - 1)


def compare(
    env: OptionalEnv = None,
    ckpt: Ckpt = None,
    num_tests: Annotated[
        str | None,
        typer.Option("--num-tests", metavar="N", help="Observations; 10 if left out."),
    ] = None,
    device: Device = "cpu",
    cpu: Cpu = False,
    tolerance: Annotated[
        str | None,
        typer.Option(
            "--tolerance",
            metavar="X",
            help="Greatest difference, in parts of the action's range; 1e-5 if left out.",
        ),
    ] = None,
    seed: Annotated[
        str | None,
        typer.Option("--seed", metavar="N", help="Of observations and noise; 0 if left out."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Run a policy in numpy, JAX and PyTorch, and check that the actions are the same.

    Exit code 1 if they are not; --verbose shows at which stage of the policy it begins.
    """
    with console.command("compare", as_json, quiet, verbose) as out:
        flags = {
            "compare.num_tests": num_tests,
            "compare.tolerance": tolerance,
            "compare.seed": seed,
        }
        numbers = resolve({"compare": Numbers}, [flag_layer(flags)])["compare"]
        select(options.device(device, cpu))
        from rlctl.actions.compare import CompareRequest, compare_backends

        request = CompareRequest(
            ckpt, device=options.device(device, cpu), env=env, **asdict(numbers)
        )
        try:
            figures = compare_backends(request, out.progress, out.warn).to_json()
        except CheckFailed as error:
            _show(out, error.data)
            raise
        out.data(figures)
        _show(out, figures)


def _show(out: Console, figures: dict[str, Any]) -> None:
    out.text(f"{figures['env']} at {figures['step']:,} steps, {figures['checkpoint']}")
    out.text(
        f"{figures['distribution']} policy on {figures['num_tests']} observations, with noise and "
        f"without; {figures['tolerance']:g} of the action's range is tolerated"
    )
    out.text()
    backends = figures["backends"]
    rows = [
        (
            name,
            _gap(found.get("max_difference")),
            _gap(found.get("mean_difference")),
            f"{1e6 * found['seconds']:.0f}",
            "reference" if name == figures["reference"] else _verdict(name, figures),
        )
        for name, found in backends.items()
    ]
    out.table(("", "max difference", "mean", "us per inference", ""), rows)
    if out.verbose:
        _show_stages(out, {name: f for name, f in backends.items() if "stages" in f})


def _verdict(name: str, figures: dict[str, Any]) -> str:
    return "DIFFERS" if name in figures["failed"] else "the same"


def _show_stages(out: Console, backends: dict[str, Any]) -> None:
    """The difference at every stage, and where it first leaves the tolerance."""
    out.text()
    names = list(next(iter(backends.values()))["stages"])
    rows = [(stage, *(_gap(b["stages"][stage]) for b in backends.values())) for stage in names]
    out.table(("stage", *backends), rows)
    for name, found in backends.items():
        if found["first_stage"]:
            out.text(f"{name} leaves the tolerance at stage {found['first_stage']}")


def _gap(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"
