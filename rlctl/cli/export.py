"""`rlctl export`: a policy for another tool."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from rlctl.cli import console
from rlctl.cli.options import Ckpt, Json, OptionalEnv, Quiet
from rlctl.core.device import select


def export(
    kind: Annotated[
        Literal["torch", "brax", "onnx", "numpy"], typer.Option("--format", help="What to write.")
    ],
    path: Annotated[
        Path,
        typer.Option("--out", metavar="PATH", help="The file, or the folder of format brax."),
    ],
    env: OptionalEnv = None,
    ckpt: Ckpt = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a policy as PyTorch, Brax, ONNX or numpy has it.

    PATH.json beside it says what it observes, what its actions mean, and how to act with it.
    """
    with console.command("export", as_json, quiet) as out:
        select("cpu")
        from rlctl.actions.export import export as write

        done = write(path, kind, ckpt, out.warn, env)
        out.data(done.to_json())
        out.text(f"{done.path}: {done.bytes:,} bytes, {done.format}")
        out.text(f"{done.contract}: what goes in, what comes out, and a program that acts")
        out.text(f"{done.env}, {done.step:,} steps trained ({done.checkpoint})")
