"""`rlctl render`: film a policy."""

from typing import TYPE_CHECKING, Annotated

import typer

from rlctl.cli import console, options
from rlctl.cli.console import Console
from rlctl.cli.options import (
    Backend,
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
from rlctl.core import device
from rlctl.core.errors import UsageError

if TYPE_CHECKING:
    from rlctl.actions.render import Rendered


def render(
    env: OptionalEnv = None,
    path: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="The film: .mp4, .gif, .webm, or .png for a contact sheet; left out: "
            "ENV-STEP.mp4.",
            show_default=False,
        ),
    ] = None,
    ckpts: Annotated[
        list[str] | None,
        typer.Option(
            "--ckpt",
            metavar="CKPT",
            help="Run, checkpoint folder, RUN@STEP, ENV (its latest run), `latest`, `best` or "
            "shipped:ENV; left out: the latest run's best. Given up to 4 times: side by side.",
            show_default=False,
            autocompletion=options.complete_ckpt,
        ),
    ] = None,
    num_envs: Annotated[
        int,
        typer.Option(
            "--num-envs",
            metavar="N",
            help="Environments to film, each in a tile of its own, up to 16.",
        ),
    ] = 1,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            metavar="N",
            help="Control steps to film; left out: 10 s, or an episode if that is shorter.",
            show_default=False,
        ),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option(
            "--camera",
            metavar="NAME",
            help="A camera of the environment, or `free`; left out: its first.",
            show_default=False,
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            "--size",
            metavar="WxH",
            help="Pixels of a tile; left out: 1280x720 for all tiles together, 640x360 in a "
            ".gif, 320x180 in a contact sheet.",
            show_default=False,
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(
            "--fps",
            metavar="RATE",
            help="Frames per second, at true speed; left out: the control rate or a fraction, "
            "up to 50, in a .gif up to 25.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the first state and the noise.")] = 0,
    command: Command = None,
    command_schedule: Schedule = None,
    clip_command: ClipCommand = False,
    set_: Set = None,
    physics: Physics = "auto",
    backend: Backend = "numpy",
    device_name: Device = "auto",
    cpu: Cpu = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Film a trained policy, without a display.

    rlctl render films the best policy of the latest run.
    """
    with console.command("render", as_json, quiet, verbose) as out:
        pixels = _size(size)
        device.select(options.device(device_name, cpu))
        from rlctl.actions.command_override import CommandOverride
        from rlctl.actions.render import render as film
        from rlctl.actions.videos.request import RenderRequest
        from rlctl.rendering.options import RenderOptions

        ckpt, *beside = ckpts or [None]
        override = CommandOverride(command, command_schedule, clip_command)
        shot = RenderRequest(
            steps,
            seed,
            physics or "auto",
            backend,
            override,
            num_envs,
            tuple(beside),
            tuple(set_ or ()),
        )
        done = film(
            options.path(path),
            env,
            ckpt,
            shot,
            RenderOptions(camera, pixels, fps),
            out.progress,
            out.warn,
        )
        out.data(done.to_json())
        _show(out, done)


def _show(out: Console, done: "Rendered") -> None:
    """Print what was filmed, and what each policy got."""
    width, height = done.size
    length = f"{done.seconds:.1f} s, " if done.seconds else ""
    out.text(f"{done.path}: {length}{done.frames} frames of {width}x{height}")
    about = done.env
    if {tile.checkpoint for tile in done.tiles} == {done.checkpoint}:
        about += f", {done.step:,} steps trained ({done.checkpoint})"
    about += f"; {done.steps} steps"
    if len(done.tiles) == 1:
        out.text(f"{about}, return {_listed(done.returns)}")
    else:
        out.text(about)
        for tile in done.tiles:
            out.text(f"{tile.title}: return {_listed(tile.returns)}")
    out.detail(f"{done.physics} physics, {done.platform}, camera {done.camera}")


def _listed(returns: tuple[float, ...]) -> str:
    return ", ".join(f"{total:.1f}" for total in returns)


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise UsageError(
            f"--size {text} is not WIDTHxHEIGHT in pixels", "for example --size 1280x720"
        )
    return int(width), int(height)
