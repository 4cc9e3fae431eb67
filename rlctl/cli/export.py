"""`rlctl export`: write a policy for another tool."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from rlctl.cli import console, options
from rlctl.cli.options import Ckpt, Json, OptionalEnv, Quiet
from rlctl.core.device import select


def export(
    kind: Annotated[
        Literal["torch", "brax", "onnx", "numpy"],
        typer.Option("--format", help="Choose the format."),
    ],
    path: Annotated[
        Path,
        options.option("--out", "PATH", "Write to this file; with format brax, a folder."),
    ],
    env: OptionalEnv = None,
    ckpt: Ckpt = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a policy for PyTorch, Brax, ONNX or numpy.

    PATH.json next to it describes observations and actions, and how to run the policy.
    """
    with console.command("export", as_json, quiet) as out:
        select("cpu")
        from rlctl.actions.export import export as write

        exported = write(path, kind, ckpt, out.warn, env)
        out.add_data(exported.to_json())
        out.print(f"{exported.path}: {exported.bytes:,} bytes, {exported.format}")
        out.print(f"{exported.contract}: inputs, outputs and an example program")
        out.print(f"{exported.env}, {exported.step:,} steps trained ({exported.checkpoint})")
