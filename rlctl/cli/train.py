"""`rlctl train`: train a policy, or resume a run."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from rlctl.cli import console, options
from rlctl.cli.console import Console
from rlctl.cli.dry_run import describe
from rlctl.cli.formatting import duration, number
from rlctl.cli.options import Config, Cpu, Device, Json, OptionalEnv, Physics, Quiet, Set, Verbose
from rlctl.core import runs
from rlctl.core.device import select
from rlctl.core.signals import StopFlag

SIGPIPE = 13  # signal.SIGPIPE does not exist on Windows


def train(
    env: OptionalEnv = None,
    algo: Annotated[
        str | None,
        options.option(
            "--algo", "NAME", "Choose the algorithm; default: ppo.", options.complete_algo
        ),
    ] = None,
    num_envs: Annotated[
        str | None, options.option("--num-envs", "N", "Step N environments in parallel.")
    ] = None,
    devices: Annotated[
        str | None,
        typer.Option(
            "--devices", metavar="N", help="Share the environments between N devices; default: 1."
        ),
    ] = None,
    steps: Annotated[
        str | None,
        options.option("--steps", "N", "Train for N environment steps, e.g. 2e6."),
    ] = None,
    seed: Annotated[str | None, options.option("--seed", "N", "Seed all random numbers.")] = None,
    out: Annotated[
        str | None, options.option("--out", "DIR", "Write the run to this new folder.")
    ] = None,
    config: Config = None,
    set_: Set = None,
    device: Device = "auto",
    cpu: Cpu = False,
    physics: Physics = None,
    init_from: Annotated[
        str | None,
        options.option(
            "--init-from", "CKPT", "Initialise the policy from a checkpoint.", options.complete_ckpt
        ),
    ] = None,
    save_every: Annotated[
        str | None,
        options.option("--save-every", "STEPS", "Save a checkpoint every STEPS steps."),
    ] = None,
    video_every: Annotated[
        str | None,
        options.option(
            "--video-every",
            "STEPS",
            "Render a video of a checkpoint every STEPS steps, in the background.",
        ),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write metrics for TensorBoard into the run.")
    ] = False,
    wandb: Annotated[
        bool, typer.Option("--wandb", help="Log metrics to Weights & Biases.")
    ] = False,
    resume: Annotated[
        str | None,
        options.option(
            "--resume",
            "RUN",
            "Resume a run, or the latest of an ENV, from its newest intact checkpoint; "
            "--steps may extend it.",
            options.complete_run,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check everything and print the plan, without training."),
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Train a policy. Settings without a flag: --set section.key=value.

    --json prints one line of JSON per event; the last line is the envelope of the result.
    """
    flags = {
        "train.num_envs": num_envs,
        "train.devices": devices,
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

    data = plan(request, out.progress)
    out.add_data(data)
    out.print_pairs(describe(data))


def _train(out: Console, request: Any) -> None:
    out.stream_events()
    with StopFlag(out.info) as stop:
        out.on_broken_pipe = lambda: stop.request(SIGPIPE)
        from rlctl.actions.train import train as train_action

        report = train_action(request, out.progress, stop)
    data = report.to_json()
    out.add_data(data)
    _show(out, data)


def _show(out: Console, data: dict[str, Any]) -> None:
    videos, plot = data["films"], data["plot"]
    lines = {
        "run": data["run"],
        "steps": _pace(data),
        "return": _last(data["eval"]),
        "best": _best(data),
        "checkpoint": Path(data["checkpoint"]).name,
        "plot": plot and Path(plot).name,
        "videos": videos and f"{len(videos)}, the last {'/'.join(Path(videos[-1]).parts[-2:])}",
    }
    verdict = data["verdict"]
    lines["verdict"] = verdict and verdict["message"]
    out.print_pairs({name: line for name, line in lines.items() if line})
    if verdict and verdict["hint"]:
        out.info(f"try: {verdict['hint']}")
    newest = runs.latest_run()
    is_latest = newest is not None and newest.resolve() == Path(data["run"]).resolve()
    ckpt = "" if is_latest else f" --ckpt {shlex.quote(data['run'])}"
    out.info(f"next: rlctl eval{ckpt}, rlctl render{ckpt} --out demo.mp4")


def _pace(data: dict[str, Any]) -> str:
    """Return steps, duration and steps per second, with and without compilation."""
    total, before = data["steps"], data["steps_before"]
    count = f"{total:,}" if not before else f"{total:,}, {total - before:,} of them now,"
    if total == before:
        return f"{total:,}, all of them before"
    compiled, overall = data["steps_per_second"], data["steps_per_second_overall"]
    rate = f"{overall:,.0f} steps/s over all"
    if compiled > 1.01 * overall:
        rate = f"{compiled:,.0f} steps/s once compiled, {overall:,.0f} over all"
    return f"{count} in {duration(data['seconds'])}: {rate}"


def _last(evaluation: dict[str, Any]) -> str:
    """Return the text for the return of the last evaluation."""
    score = evaluation.get("return") or {}
    mean, std = number(score.get("mean")), number(score.get("std"))
    spread = f" +- {std} (std of {evaluation['episodes']} episodes)" if std != "-" else ""
    return mean + spread


def _best(data: dict[str, Any]) -> str:
    """Return the text for the best evaluation: its return and its checkpoint."""
    best, path = data["best"], data["best_checkpoint"]
    if not path:
        return "-"
    return f"{number(best['return'])} in {Path(path).name}" if best else Path(path).name
