"""`rlctl benchmark`: figures of an algorithm over environments and seeds."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from rlctl.cli import console, options
from rlctl.cli.console import Console
from rlctl.cli.formatting import number
from rlctl.cli.options import Algo, Config, Cpu, Device, Json, Physics, Quiet, Set, Verbose
from rlctl.core.config import flag_layer, resolve, setting
from rlctl.core.device import select
from rlctl.core.errors import CheckFailed, Stopped, UsageError
from rlctl.core.signals import StopFlag

SIGPIPE = 13  # which the signal module has only where there are pipes that end programs


@dataclass(frozen=True)
class Numbers:
    """The flags that take numbers."""

    seeds: int = setting(5, "trainings of each environment", low=1, high=1000)
    steps: int = setting(1_000_000, "environment steps of a training", low=1)
    jobs: int = setting(1, "trainings at once", low=1, high=1000)


@dataclass(frozen=True)
class Bar:
    """A value of --min-return."""

    min_return: float = setting(0.0, "the mean return that is needed")


@dataclass(frozen=True)
class Share:
    """The value of --min-share."""

    min_share: float = setting(0.0, "the share of seeds that must learn", low=0.0, high=1.0)


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
        typer.Option(
            "--envs", metavar="ENV,ENV", help="The same, separated by commas.", show_default=False
        ),
    ] = None,
    algo: Algo = "ppo",
    seeds: Annotated[
        str | None,
        typer.Option("--seeds", metavar="N", help="Trainings of each; 5 if left out."),
    ] = None,
    steps: Annotated[
        str | None,
        typer.Option("--steps", metavar="N", help="Environment steps of each; 1e6 if left out."),
    ] = None,
    jobs: Annotated[
        str | None,
        typer.Option(
            "--jobs", metavar="N", help="Trainings at once, which share the cores; 1 if left out."
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="The benchmark's folder; finished trainings in it are kept.",
            show_default=False,
        ),
    ] = None,
    min_return: Annotated[
        list[str] | None,
        typer.Option(
            "--min-return",
            metavar="ENV=X",
            help="Exit 1 if the mean over seeds is below X; may be repeated.",
            show_default=False,
        ),
    ] = None,
    min_share: Annotated[
        str | None,
        typer.Option(
            "--min-share",
            metavar="X",
            help="Exit 1 if fewer than this share of an environment's seeds reach its "
            "train.target_return.",
            show_default=False,
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="FILE",
            help="Exit 1 if worse than an earlier results.json, beyond chance.",
            show_default=False,
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
    """Train over environments and seeds; report scores beside published results.

    Writes results.md, .csv, .json and curves.png. The same command again goes on where it stopped.
    """
    with console.command("benchmark", as_json, quiet, verbose) as out_:
        flags = {"benchmark.seeds": seeds, "benchmark.steps": steps, "benchmark.jobs": jobs}
        numbers = resolve({"benchmark": Numbers}, [flag_layer(flags)])["benchmark"]
        names = _names(",".join([*(positional or ()), envs or ""]))
        bars = _bars(min_return or (), names)
        share = resolve({"benchmark": Share}, [flag_layer({"benchmark.min_share": min_share})])
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
            min_return=bars,
            min_share=share["benchmark"].min_share,
            against=options.path(against),
        )
        _run(out_, request)


def _run(out: Console, request: Any) -> None:
    from rlctl.actions.benchmark import benchmark as benchmark_action

    out.stream_events()
    failed: CheckFailed | Stopped | None = None
    with StopFlag(out.note) as stop:
        out.reader_gone = lambda: stop.request(SIGPIPE)
        try:
            figures = benchmark_action(request, out.progress, stop, out.warn).to_json()
        except (CheckFailed, Stopped) as error:
            failed, figures = error, error.data
    for found in figures["envs"].values():
        for run in found["runs"]:
            del run["curve"], run["evaluations"]  # long, and in results.json
    out.data({"out": str(request.folder), **figures})
    _show(out, figures)
    out.note(f"report: {request.folder / 'results.md'}")
    if failed is not None:
        failed.data = {}
        raise failed


def _show(out: Console, figures: dict[str, Any]) -> None:
    rows = []
    for env, found in figures["envs"].items():
        score = found["scores"] or {}
        low, high = score.get("ci95", (None, None))
        best = found["published"][0] if found["published"] else None
        rows.append((
            env,
            _spread(score.get("mean"), score.get("std")),
            f"{number(low)} to {number(high)}" if score else "-",
            "-" if found["learned"] is None else f"{found['learned']} of {figures['seeds']}",
            number(found["steps_per_second"]),
            f"{best['title'].partition(',')[0]} {number(best['mean'])}" if best else "-",
        ))  # fmt: skip
    header = ("environment", "return", "95 % interval", "learned", "steps/s", "best published")
    out.table(header, rows)


def _spread(mean: float | None, std: float | None) -> str:
    return number(mean) + (f" +- {number(std)}" if std is not None else "")


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise UsageError(
            "benchmark needs environments: rlctl benchmark ENV...", "run `rlctl envs` for the list"
        )
    return names


def _bars(texts: list[str] | tuple, names: tuple[str, ...]) -> dict[str, float]:
    """What --min-return asks of each environment."""
    bars = {}
    for text in texts:
        env, equals, value = text.rpartition("=")
        if not equals or env not in names:
            raise UsageError(
                f"--min-return {text}: not of the form ENV=X with ENV one of {', '.join(names)}",
                f"for example --min-return {names[0]}=1000",
            )
        layer = flag_layer({"benchmark.min_return": value})
        bars[env] = resolve({"benchmark": Bar}, [layer])["benchmark"].min_return
    return bars
