"""`rlctl eval`: evaluate a policy over whole episodes."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlctl.cli import console, options
from rlctl.cli.console import Console
from rlctl.cli.options import (
    Backend,
    Ckpt,
    ClipCommand,
    Command,
    Cpu,
    Device,
    Json,
    OptionalEnv,
    Physics,
    Quiet,
    Schedule,
    Set,
    Verbose,
)
from rlctl.core.config import parse_options
from rlctl.core.device import select
from rlctl.core.errors import CheckFailed

if TYPE_CHECKING:
    from pathlib import Path

    from rlctl.actions.evaluate import EvalRequest


def evaluate(
    env: OptionalEnv = None,
    ckpt: Ckpt = None,
    episodes: Annotated[
        str | None,
        options.option("--episodes", "N", "Evaluate N episodes; default: 10."),
    ] = None,
    seed: Annotated[
        str | None, options.option("--seed", "N", "Seed the episodes; default: 0.")
    ] = None,
    stochastic: Annotated[
        bool, typer.Option("--stochastic", help="Sample actions instead of taking the mean.")
    ] = False,
    device: Device = "auto",
    cpu: Cpu = False,
    physics: Physics = None,
    backend: Backend = "numpy",
    max_episode_steps: Annotated[
        str | None,
        options.option("--max-episode-steps", "N", "Truncate episodes after N steps."),
    ] = None,
    save_trajectories: Annotated[
        str | None,
        options.option("--save-trajectories", "FILE.npz", "Write all steps to a file."),
    ] = None,
    video: Annotated[
        str | None, options.option("--video", "FILE", "Also render one episode.")
    ] = None,
    min_return: Annotated[
        str | None,
        options.option("--min-return", "X", "Exit 1 if the mean return is below X."),
    ] = None,
    command: Command = None,
    command_schedule: Schedule = None,
    clip_command: ClipCommand = False,
    set_: Set = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Evaluate a policy over whole episodes.

    Prints returns, reward terms and task metrics.
    """
    with console.command("eval", as_json, quiet, verbose) as out:
        select(options.device(device, cpu))
        from rlctl.actions.command_override import CommandOverride
        from rlctl.actions.evaluate import EvalRequest, NumericOptions
        from rlctl.actions.evaluate import evaluate as evaluate_action
        from rlctl.rendering.video import check_path

        numbers = parse_options(
            NumericOptions,
            episodes=episodes,
            seed=seed,
            max_episode_steps=max_episode_steps,
            min_return=min_return,
        )
        video_path = options.path(video)
        if video_path is not None:
            check_path(video_path)
        override = CommandOverride(command, command_schedule, clip_command)
        request = EvalRequest(
            env=env,
            ckpt=ckpt,
            **asdict(numbers),
            stochastic=stochastic,
            physics=physics or "auto",
            backend=backend,
            save_trajectories=options.path(save_trajectories),
            command_override=override,
            overrides=tuple(set_ or ()),
        )
        failed: CheckFailed | None = None
        try:
            data = evaluate_action(request, out.progress, out.warn).to_json()
        except CheckFailed as error:
            failed, data = error, error.data
        out.add_data(data)
        _show(out, data)
        if video_path is not None:
            _render(out, video_path, data, request)
        if failed is not None:
            raise failed


def _render(out: Console, path: "Path", data: dict[str, Any], request: "EvalRequest") -> None:
    from rlctl.actions.render import RenderRequest, render

    render_request = RenderRequest(
        seed=request.seed,
        physics=data["physics"],
        backend=request.backend,
        command_override=request.command_override,
        overrides=request.overrides,
    )
    video = render(path, None, data["checkpoint"], render_request, None, out.progress, out.warn)
    out.add_data({"video": video.to_json()})
    out.print(f"video: {video.path}")


def _show(out: Console, data: dict[str, Any]) -> None:
    """Print checkpoint, return, length, reward terms and task metrics."""
    if not data.get("return"):
        return
    from rlctl.cli.formatting import number, percent

    mode = "deterministic" if data["deterministic"] else "stochastic"
    out.print(f"{data['env']} at {data['step']:,} steps, {data['checkpoint']}")
    out.print(
        f"{data['episodes']} episodes, {mode}, {data['physics']} physics on "
        f"{data['device']}, {data['steps_per_second']:,.0f} steps/s"
    )
    out.print()
    rows = [
        (
            name,
            *(number(stats[key]) for key in ("mean", "std", "min", "max")),
            f"{number(stats['ci95'][0])} to {number(stats['ci95'][1])}",
        )
        for name in ("return", "length")
        for stats in [data[name]]
    ]
    rows += [
        (name, number(stats["mean"]), number(stats["std"]), "", "", "")
        for name, stats in data.get("terms", {}).items()
    ]
    out.print_table(("", "mean", "std", "min", "max", "95 % interval"), rows)
    out.print()
    early = f"{data['terminated_episodes']} of {data['episodes']} episodes"
    metrics = {"ended early": f"{early} ({percent(data['terminated'])})"}
    for name, metric in data["figures"].items():
        mean, unit = number(metric["mean"]), metric["unit"]
        metrics[name] = mean if mean == "-" or unit == "1" else f"{mean} {unit}"
    out.print_pairs(metrics)
    if tracking := data.get("tracking"):
        out.print()
        _show_tracking(out, tracking)


def _show_tracking(out: Console, tracking: dict[str, Any]) -> None:
    """Print command tracking: commanded and actual values per bin, and the mean error."""
    rows = []
    for name, component in tracking.items():
        steps = 0
        for row in component["bins"]:
            commanded, actual = (f"{row[key]:+z.2f}" for key in ("told", "achieved"))
            rows.append((name, commanded, actual, f"{row['error']:.3f}", f"{row['steps']:,}"))
            steps += row["steps"]
        rows.append((name, "all", "", f"{component['error']:.3f}", f"{steps:,}"))
    out.print_table(("command", "commanded", "actual", "mean abs error", "steps"), rows)
