"""`rlctl render`: render a video of a policy."""

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
        options.option(
            "--out",
            "FILE",
            "Write this .mp4, .gif, .webm, or .png (a contact sheet); default: ENV-STEP.mp4.",
        ),
    ] = None,
    ckpts: Annotated[
        list[str] | None,
        options.option(
            "--ckpt",
            "CKPT",
            "Load a run, checkpoint folder, RUN@STEP, ENV (its latest run), `latest`, `best` "
            "or shipped:ENV; default: the best checkpoint of the latest run. Repeat up to 4 times "
            "to show policies side by side.",
            options.complete_ckpt,
        ),
    ] = None,
    num_envs: Annotated[
        int,
        options.option("--num-envs", "N", "Show N environments as tiles, up to 16."),
    ] = 1,
    steps: Annotated[
        int | None,
        options.option(
            "--steps",
            "N",
            "Render N control steps; default: 10 s, or one episode if that is shorter.",
        ),
    ] = None,
    camera: Annotated[
        str | None,
        options.option(
            "--camera", "NAME", "Choose a camera of the environment, or `free`; default: its first."
        ),
    ] = None,
    size: Annotated[
        str | None,
        options.option(
            "--size",
            "WxH",
            "Set the size of a tile in pixels; default: 1280x720 for all tiles together, "
            "640x360 in a .gif, 320x180 in a contact sheet.",
        ),
    ] = None,
    fps: Annotated[
        float | None,
        options.option(
            "--fps",
            "RATE",
            "Set frames per second, at real-time speed; default: the control rate or a "
            "fraction, up to 50, in a .gif up to 25.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed the initial state and the noise.")] = 0,
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
    """Render a video of a trained policy; no display is needed.

    rlctl render, without options, shows the best policy of the latest run.
    """
    with console.command("render", as_json, quiet, verbose) as out:
        pixels = _size(size)
        device.select(options.device(device_name, cpu))
        from rlctl.actions.command_override import CommandOverride
        from rlctl.actions.render import render as render_action
        from rlctl.actions.videos.request import RenderRequest
        from rlctl.rendering.options import RenderOptions

        named = ckpts or []
        override = CommandOverride(command, command_schedule, clip_command)
        request = RenderRequest(
            steps,
            seed,
            physics or "auto",
            backend,
            override,
            num_envs,
            tuple(named[1:]),
            tuple(set_ or ()),
        )
        rendered = render_action(
            options.path(path),
            env,
            named[0] if named else None,
            request,
            RenderOptions(camera, pixels, fps),
            out.progress,
            out.warn,
        )
        out.add_data(rendered.to_json())
        _show(out, rendered)


def _show(out: Console, rendered: "Rendered") -> None:
    """Print the file, the checkpoint and the returns."""
    width, height = rendered.size
    length = f"{rendered.seconds:.1f} s, " if rendered.seconds else ""
    out.print(f"{rendered.path}: {length}{rendered.frames} frames of {width}x{height}")
    summary = rendered.env
    if {tile.checkpoint for tile in rendered.tiles} == {rendered.checkpoint}:
        summary += f", {rendered.step:,} steps trained ({rendered.checkpoint})"
    summary += f"; {rendered.steps} steps"
    if len(rendered.tiles) == 1:
        out.print(f"{summary}, return {_join(rendered.returns)}")
    else:
        out.print(summary)
        for tile in rendered.tiles:
            out.print(f"{tile.title}: return {_join(tile.returns)}")
    out.debug(f"{rendered.physics} physics, {rendered.platform}, camera {rendered.camera}")


def _join(returns: tuple[float, ...]) -> str:
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
