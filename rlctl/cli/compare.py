"""`rlctl compare`: check that a policy gives the same actions in every framework."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from rlctl.cli import console, options
from rlctl.cli.console import Console
from rlctl.cli.options import Ckpt, Cpu, Device, Json, OptionalEnv, Quiet, Verbose
from rlctl.core.config import parse_options, setting
from rlctl.core.device import select
from rlctl.core.errors import CheckFailed


@dataclass(frozen=True)
class Numbers:
    """Options that take numbers."""

    num_tests: int = setting(10, "observations", low=1, high=100_000)
    tolerance: float = setting(1e-5, "maximum difference", low=1e-9, high=1)
    seed: int = setting(0, "seed of observations and noise", low=0, high=2**31 - 1)


def compare(
    env: OptionalEnv = None,
    ckpt: Ckpt = None,
    num_tests: Annotated[
        str | None,
        options.option("--num-tests", "N", "Compare on N observations; default: 10."),
    ] = None,
    device: Device = "cpu",
    cpu: Cpu = False,
    tolerance: Annotated[
        str | None,
        options.option(
            "--tolerance",
            "X",
            "Allow this difference, as a fraction of the action range; default: 1e-5.",
        ),
    ] = None,
    seed: Annotated[
        str | None,
        options.option("--seed", "N", "Seed observations and noise; default: 0."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Check a policy in numpy, JAX and PyTorch.

    Exits with 1 if their actions differ; --verbose shows the first stage of the policy that
    differs.
    """
    with console.command("compare", as_json, quiet, verbose) as out:
        numbers = parse_options(Numbers, num_tests=num_tests, tolerance=tolerance, seed=seed)
        select(options.device(device, cpu))
        from rlctl.actions.compare import CompareRequest, compare_backends

        request = CompareRequest(
            ckpt, device=options.device(device, cpu), env=env, **asdict(numbers)
        )
        try:
            data = compare_backends(request, out.progress, out.warn).to_json()
        except CheckFailed as error:
            _show(out, error.data)
            raise
        out.add_data(data)
        _show(out, data)


def _show(out: Console, data: dict[str, Any]) -> None:
    out.print(f"{data['env']} at {data['step']:,} steps, {data['checkpoint']}")
    out.print(
        f"{data['distribution']} policy on {data['num_tests']} observations, with noise and "
        f"without; tolerance {data['tolerance']:g} of the action range"
    )
    out.print()
    backends = data["backends"]
    rows = [
        (
            name,
            _format(result.get("max_difference")),
            _format(result.get("mean_difference")),
            f"{1e6 * result['seconds']:.0f}",
            "reference" if name == data["reference"] else _verdict(name, data),
        )
        for name, result in backends.items()
    ]
    out.print_table(("", "max difference", "mean", "us per inference", ""), rows)
    if out.verbose:
        _show_stages(out, {name: f for name, f in backends.items() if "stages" in f})


def _verdict(name: str, data: dict[str, Any]) -> str:
    return "DIFFERS" if name in data["failed"] else "the same"


def _show_stages(out: Console, backends: dict[str, Any]) -> None:
    """Print the difference at every stage, and the first stage beyond the tolerance."""
    out.print()
    names = list(next(iter(backends.values()))["stages"])
    rows = [(stage, *(_format(b["stages"][stage]) for b in backends.values())) for stage in names]
    out.print_table(("stage", *backends), rows)
    for name, result in backends.items():
        if result["first_stage"]:
            out.print(f"{name} exceeds the tolerance at stage {result['first_stage']}")


def _format(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"
