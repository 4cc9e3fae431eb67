"""`rlctl train`: train a policy, or go on with a run."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from rlctl.cli import console, options
from rlctl.cli.console import Console
from rlctl.cli.dry_run import described
from rlctl.cli.formatting import duration, number
from rlctl.cli.options import Config, Cpu, Device, Json, OptionalEnv, Physics, Quiet, Set, Verbose
from rlctl.core import runs
from rlctl.core.device import select
from rlctl.core.signals import StopFlag

SIGPIPE = 13  # which the signal module has only where there are pipes that end programs


def train(
    env: OptionalEnv = None,
    algo: Annotated[
        str | None,
        typer.Option(
            "--algo",
            metavar="NAME",
            help="Algorithm; ppo if left out.",
            show_default=False,
            autocompletion=options.complete_algo,
        ),
    ] = None,
    num_envs: Annotated[
        str | None, typer.Option("--num-envs", metavar="N", help="Environments stepped together.")
    ] = None,
    steps: Annotated[
        str | None, typer.Option("--steps", metavar="N", help="Environment steps in all, e.g. 2e6.")
    ] = None,
    seed: Annotated[
        str | None, typer.Option("--seed", metavar="N", help="Seed of everything random.")
    ] = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="The run's folder; must be new.")
    ] = None,
    config: Config = None,
    set_: Set = None,
    device: Device = "auto",
    cpu: Cpu = False,
    physics: Physics = None,
    init_from: Annotated[
        str | None,
        typer.Option(
            "--init-from",
            metavar="CKPT",
            help="Start from the policy of a checkpoint.",
            autocompletion=options.complete_ckpt,
        ),
    ] = None,
    save_every: Annotated[
        str | None,
        typer.Option("--save-every", metavar="STEPS", help="Steps between two checkpoints."),
    ] = None,
    video_every: Annotated[
        str | None,
        typer.Option(
            "--video-every",
            metavar="STEPS",
            help="Film the next checkpoint after every so many steps, beside the training.",
        ),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write the figures for TensorBoard into the run.")
    ] = False,
    wandb: Annotated[
        bool, typer.Option("--wandb", help="Log the figures to Weights & Biases.")
    ] = False,
    resume: Annotated[
        str | None,
        typer.Option(
            "--resume",
            metavar="RUN",
            help="Go on with a run, or the latest of an ENV, from its newest whole checkpoint; "
            "--steps may extend it.",
            autocompletion=options.complete_run,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, print the plan, do nothing.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Train a policy. Every setting without a flag here is a --set away.

    --json prints a line of JSON for each event; the last line is the envelope of the result.
    """
    flags = {
        "train.num_envs": num_envs,
        "train.steps": steps,
        "train.seed": seed,
        "train.physics": physics,
        "train.save_every": save_every,
        "train.video_every": video_every,
        "train.tensorboard": tensorboard or None,
        "train.wandb": wandb or None,
    }
    with console.command("train", as_json, quiet, verbose) as out_:
        select(options.device(device, cpu))
        from rlctl.actions.train import TrainRequest

        request = TrainRequest(
            env=env,
            algo=algo,
            resume=resume,
            out=options.path(out),
            config=options.path(config),
            overrides=tuple(set_ or ()),
            flags=flags,
            init_from=init_from,
        )
        if dry_run:
            _plan(out_, request)
        else:
            _train(out_, request)


def _plan(out: Console, request: Any) -> None:
    from rlctl.actions.train import plan

    made = plan(request, out.progress)
    out.data(made)
    out.pairs(described(made))


def _train(out: Console, request: Any) -> None:
    out.stream_events()
    with StopFlag(out.note) as stop:
        out.reader_gone = lambda: stop.request(SIGPIPE)
        from rlctl.actions.train import train as train_action

        report = train_action(request, out.progress, stop)
    figures = report.to_json()
    out.data(figures)
    _show(out, figures)


def _show(out: Console, figures: dict[str, Any]) -> None:
    films, plot = figures["films"], figures["plot"]
    lines = {
        "run": figures["run"],
        "steps": _pace(figures),
        "return": _last(figures["eval"]),
        "best": _best(figures),
        "checkpoint": Path(figures["checkpoint"]).name,
        "plot": plot and Path(plot).name,
        "films": films and f"{len(films)}, the last {'/'.join(Path(films[-1]).parts[-2:])}",
    }
    judged = figures["verdict"]
    lines["verdict"] = judged and judged["message"]
    out.pairs({name: line for name, line in lines.items() if line})
    if judged and judged["hint"]:
        out.note(f"try: {judged['hint']}")
    newest = runs.latest_run()
    found = newest is not None and newest.resolve() == Path(figures["run"]).resolve()
    ckpt = "" if found else f" --ckpt {shlex.quote(figures['run'])}"
    out.note(f"next: rlctl eval{ckpt}, rlctl render{ckpt} --out demo.mp4")


def _pace(figures: dict[str, Any]) -> str:
    """How many steps, how long, and how fast with and without compiling."""
    total, before = figures["steps"], figures["steps_before"]
    count = f"{total:,}" if not before else f"{total:,}, {total - before:,} of them now,"
    if total == before:
        return f"{total:,}, all of them before"
    compiled, overall = figures["steps_per_second"], figures["steps_per_second_overall"]
    rate = f"{overall:,.0f} steps/s over all"
    if compiled > 1.01 * overall:
        rate = f"{compiled:,.0f} steps/s once compiled, {overall:,.0f} over all"
    return f"{count} in {duration(figures['seconds'])}: {rate}"


def _last(evaluation: dict[str, Any]) -> str:
    """The return of the last evaluation."""
    score = evaluation.get("return") or {}
    mean, std = number(score.get("mean")), number(score.get("std"))
    spread = f" +- {std} (std of {evaluation['episodes']} episodes)" if std != "-" else ""
    return mean + spread


def _best(figures: dict[str, Any]) -> str:
    """The best evaluation: its return and its checkpoint."""
    best, path = figures["best"], figures["best_checkpoint"]
    if not path:
        return "-"
    return f"{number(best['return'])} in {Path(path).name}" if best else Path(path).name
