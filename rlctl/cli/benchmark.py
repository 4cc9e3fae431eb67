"""`rlctl benchmark`: train an algorithm over environments and seeds."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from rlctl.cli import console, options
from rlctl.cli.console import Console
from rlctl.cli.formatting import number
from rlctl.cli.options import Algo, Config, Cpu, Device, Json, Physics, Quiet, Set, Verbose
from rlctl.core.config import parse_options, setting
from rlctl.core.device import select
from rlctl.core.errors import CheckFailed, Stopped, UsageError
from rlctl.core.signals import StopFlag

SIGPIPE = 13  # signal.SIGPIPE does not exist on Windows


@dataclass(frozen=True)
class Numbers:
    """Options that take numbers."""

    seeds: int = setting(5, "trainings per environment", low=1, high=1000)
    steps: int = setting(1_000_000, "environment steps per training", low=1)
    jobs: int = setting(1, "parallel trainings", low=1, high=1000)


@dataclass(frozen=True)
class MinReturn:
    """Value of --min-return."""

    min_return: float = setting(0.0, "required mean return")


@dataclass(frozen=True)
class MinShare:
    """Value of --min-share."""

    min_share: float = setting(
        0.0, "required fraction of seeds that reach the target return", low=0.0, high=1.0
    )


def benchmark(
    positional: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ENV]...",
            help="Environments, as `rlctl envs` lists them.",
            show_default=False,
            autocompletion=options.complete_env,
        ),
    ] = None,
    envs: Annotated[
        str | None,
        options.option("--envs", "ENV,ENV", "Name the environments, separated by commas."),
    ] = None,
    algo: Algo = "ppo",
    seeds: Annotated[
        str | None,
        options.option("--seeds", "N", "Train each environment N times; default: 5."),
    ] = None,
    steps: Annotated[
        str | None,
        options.option("--steps", "N", "Train each for N environment steps; default: 1e6."),
    ] = None,
    jobs: Annotated[
        str | None,
        options.option("--jobs", "N", "Run N trainings in parallel on the same cores; default: 1."),
    ] = None,
    out: Annotated[
        str | None,
        options.option("--out", "DIR", "Write to this folder; finished trainings in it are kept."),
    ] = None,
    min_return: Annotated[
        list[str] | None,
        options.option(
            "--min-return", "ENV=X", "Exit 1 if the mean over seeds is below X; may be repeated."
        ),
    ] = None,
    min_share: Annotated[
        str | None,
        options.option(
            "--min-share",
            "X",
            "Exit 1 if less than this fraction of an environment's seeds reach its "
            "train.target_return.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        options.option(
            "--against", "FILE", "Exit 1 if significantly worse than an earlier results.json."
        ),
    ] = None,
    config: Config = None,
    set_: Set = None,
    device: Device = "auto",
    cpu: Cpu = False,
    physics: Physics = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Train over environments and seeds, and score it.

    Compares scores with published results. Writes results.md, .csv, .json and curves.png. Run the
    same command again to resume.
    """
    with console.command("benchmark", as_json, quiet, verbose) as out_:
        numbers = parse_options(Numbers, seeds=seeds, steps=steps, jobs=jobs)
        names = _names(",".join([*(positional or ()), envs or ""]))
        thresholds = _thresholds(min_return or (), names)
        share = parse_options(MinShare, min_share=min_share).min_share
        chosen = options.device(device, cpu)
        select(chosen)
        from rlctl.actions.benchmark import BenchmarkRequest

        request = BenchmarkRequest(
            envs=names,
            algo=algo,
            seeds=numbers.seeds,
            steps=numbers.steps,
            jobs=numbers.jobs,
            out=options.path(out),
            config=options.path(config),
            overrides=tuple(set_ or ()),
            physics=physics,
            device=chosen,
            min_return=thresholds,
            min_share=share,
            against=options.path(against),
        )
        _run(out_, request)


def _run(out: Console, request: Any) -> None:
    from rlctl.actions.benchmark import benchmark as benchmark_action

    out.stream_events()
    failed: CheckFailed | Stopped | None = None
    with StopFlag(out.info) as stop:
        out.on_broken_pipe = lambda: stop.request(SIGPIPE)
        try:
            data = benchmark_action(request, out.progress, stop, out.warn).to_json()
        except (CheckFailed, Stopped) as error:
            failed, data = error, error.data
    for result in data["envs"].values():
        for run in result["runs"]:
            del run["curve"], run["evaluations"]  # too long to print; they are in results.json
    out.add_data({"out": str(request.folder), **data})
    _show(out, data)
    out.info(f"report: {request.folder / 'results.md'}")
    if failed is not None:
        failed.data = {}
        raise failed


def _show(out: Console, data: dict[str, Any]) -> None:
    rows = []
    for env, result in data["envs"].items():
        score = result["scores"] or {}
        low, high = score.get("ci95", (None, None))
        best = result["published"][0] if result["published"] else None
        rows.append((
            env,
            _spread(score.get("mean"), score.get("std")),
            f"{number(low)} to {number(high)}" if score else "-",
            "-" if result["learned"] is None else f"{result['learned']} of {data['seeds']}",
            number(result["steps_per_second"]),
            f"{best['title'].partition(',')[0]} {number(best['mean'])}" if best else "-",
        ))  # fmt: skip
    header = ("environment", "return", "95 % interval", "learned", "steps/s", "best published")
    out.print_table(header, rows)


def _spread(mean: float | None, std: float | None) -> str:
    return number(mean) + (f" +- {number(std)}" if std is not None else "")


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise UsageError(
            "benchmark needs environments: rlctl benchmark ENV...", "run `rlctl envs` for the list"
        )
    return names


def _thresholds(texts: list[str] | tuple, names: tuple[str, ...]) -> dict[str, float]:
    """Parse --min-return: environment -> required mean return."""
    thresholds = {}
    for text in texts:
        env, equals, value = text.rpartition("=")
        if not equals or env not in names:
            raise UsageError(
                f"--min-return {text} is not of the form ENV=X with ENV one of {', '.join(names)}",
                f"for example --min-return {names[0]}=1000",
            )
        thresholds[env] = parse_options(MinReturn, min_return=value).min_return
    return thresholds
