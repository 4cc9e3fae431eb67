"""`rlctl eval`: how good a policy is."""

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
from rlctl.core.config import flag_layer, resolve
from rlctl.core.device import select
from rlctl.core.errors import CheckFailed

if TYPE_CHECKING:
    from pathlib import Path

    from rlctl.actions.evaluate import EvalRequest


def evaluate(
    env: OptionalEnv = None,
    ckpt: Ckpt = None,
    episodes: Annotated[
        str | None, typer.Option("--episodes", metavar="N", help="Episodes; 10 if left out.")
    ] = None,
    seed: Annotated[
        str | None, typer.Option("--seed", metavar="N", help="Seed of the episodes; 0 if left out.")
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
        typer.Option("--max-episode-steps", metavar="N", help="Cut episodes after N steps."),
    ] = None,
    save_trajectories: Annotated[
        str | None,
        typer.Option("--save-trajectories", metavar="FILE.npz", help="Write every step."),
    ] = None,
    video: Annotated[
        str | None, typer.Option("--video", metavar="FILE", help="Render one episode as well.")
    ] = None,
    min_return: Annotated[
        str | None,
        typer.Option("--min-return", metavar="X", help="Exit 1 if the mean return is below X."),
    ] = None,
    command: Command = None,
    command_schedule: Schedule = None,
    clip_command: ClipCommand = False,
    set_: Set = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Evaluate a policy: returns, reward terms and how the task is done, over whole episodes."""
    with console.command("eval", as_json, quiet, verbose) as out:
        flags = {
            "eval.episodes": episodes,
            "eval.seed": seed,
            "eval.max_episode_steps": max_episode_steps,
            "eval.min_return": min_return,
        }
        select(options.device(device, cpu))
        from rlctl.actions.command_override import CommandOverride
        from rlctl.actions.evaluate import EvalRequest, Numbers
        from rlctl.actions.evaluate import evaluate as evaluate_action
        from rlctl.rendering.video import check_path as check_film

        numbers = resolve({"eval": Numbers}, [flag_layer(flags)])["eval"]
        film = options.path(video)
        if film is not None:
            check_film(film)
        told = CommandOverride(command, command_schedule, clip_command)
        request = EvalRequest(
            env=env,
            ckpt=ckpt,
            **asdict(numbers),
            stochastic=stochastic,
            physics=physics or "auto",
            backend=backend,
            save_trajectories=options.path(save_trajectories),
            told=told,
            overrides=tuple(set_ or ()),
        )
        failed: CheckFailed | None = None
        try:
            figures = evaluate_action(request, out.progress, out.warn).to_json()
        except CheckFailed as error:
            failed, figures = error, error.data
        out.data(figures)
        _show(out, figures)
        if film is not None:
            _film(out, film, figures, request)
        if failed is not None:
            raise failed


def _film(out: Console, path: "Path", figures: dict[str, Any], request: "EvalRequest") -> None:
    from rlctl.actions.render import RenderRequest, render

    shot = RenderRequest(
        seed=request.seed,
        physics=figures["physics"],
        backend=request.backend,
        told=request.told,
        overrides=request.overrides,
    )
    film = render(path, None, figures["checkpoint"], shot, None, out.progress, out.warn)
    out.data({"video": film.to_json()})
    out.text(f"video: {film.path}")


def _show(out: Console, figures: dict[str, Any]) -> None:
    """Print the report: what was evaluated, return, length and terms, then how it was done."""
    if not figures.get("return"):
        return
    from rlctl.cli.formatting import number, percent

    mode = "deterministic" if figures["deterministic"] else "stochastic"
    out.text(f"{figures['env']} at {figures['step']:,} steps, {figures['checkpoint']}")
    out.text(
        f"{figures['episodes']} episodes, {mode}, {figures['physics']} physics on "
        f"{figures['device']}, {figures['steps_per_second']:,.0f} steps/s"
    )
    out.text()
    rows = [
        (
            name,
            *(number(stats[key]) for key in ("mean", "std", "min", "max")),
            f"{number(stats['ci95'][0])} to {number(stats['ci95'][1])}",
        )
        for name in ("return", "length")
        for stats in [figures[name]]
    ]
    rows += [
        (name, number(stats["mean"]), number(stats["std"]), "", "", "")
        for name, stats in figures.get("terms", {}).items()
    ]
    out.table(("", "mean", "std", "min", "max", "95 % interval"), rows)
    out.text()
    early = f"{figures['terminated_episodes']} of {figures['episodes']} episodes"
    told = {"ended early": f"{early} ({percent(figures['terminated'])})"}
    for name, figure in figures["figures"].items():
        mean, unit = number(figure["mean"]), figure["unit"]
        told[name] = mean if mean == "-" or unit == "1" else f"{mean} {unit}"
    out.pairs(told)
    if tracking := figures.get("tracking"):
        out.text()
        _show_tracking(out, tracking)


def _show_tracking(out: Console, tracking: dict[str, Any]) -> None:
    """Print how commands were met: what came of which, and how far it was off."""
    rows = []
    for name, figures in tracking.items():
        steps = 0
        for row in figures["bins"]:
            told, goes = (f"{row[key]:+z.2f}" for key in ("told", "achieved"))
            rows.append((name, told, goes, f"{row['error']:.3f}", f"{row['steps']:,}"))
            steps += row["steps"]
        rows.append((name, "all", "", f"{figures['error']:.3f}", f"{steps:,}"))
    out.table(("command", "told", "goes", "mean abs error", "steps"), rows)
