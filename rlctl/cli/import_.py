"""`rlctl import`: convert a policy of another tool to a checkpoint."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from rlctl.cli import console
from rlctl.cli.options import Json, Quiet, Set, complete_env
from rlctl.core.device import select


def import_(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="A checkpoint folder or pickle of Brax's PPO, a zip of Stable-Baselines3, a "
            "checkpoint of rsl_rl, or a PyTorch state dict.",
            show_default=False,
        ),
    ],
    path: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Write the checkpoint to this new folder.")
    ],
    env: Annotated[
        str | None,
        typer.Option(
            "--env",
            metavar="NAME",
            help="Name its environment; default: the only one with matching sizes.",
            show_default=False,
            autocompletion=complete_env,
        ),
    ] = None,
    activation: Annotated[
        str | None,
        typer.Option(
            "--activation",
            metavar="NAME",
            help="Set the activation, if SOURCE does not: swish, tanh, relu or elu.",
            show_default=False,
        ),
    ] = None,
    obs_clip: Annotated[
        float | None,
        typer.Option(
            "--obs-clip",
            metavar="X",
            help="Clip normalised observations to +-X.",
            show_default=False,
        ),
    ] = None,
    actor: Annotated[
        str,
        typer.Option(
            "--actor",
            metavar="PREFIX,...",
            help="Select the policy's layers in a state dict of several networks.",
            show_default=False,
        ),
    ] = "",
    vec_normalize: Annotated[
        Path | None,
        typer.Option(
            "--vec-normalize",
            metavar="FILE",
            help="Read the file of Stable-Baselines3's VecNormalize.save.",
            show_default=False,
        ),
    ] = None,
    set_: Set = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Convert another tool's policy to a checkpoint.

    Reads Brax, Stable-Baselines3, rsl_rl and PyTorch. No code in SOURCE is executed.
    """
    with console.command("import", as_json, quiet) as out:
        select("cpu")
        from rlctl.actions.import_ import ImportRequest
        from rlctl.actions.import_ import import_ as import_action

        request = ImportRequest(
            source, path, env, activation, obs_clip, tuple(set_ or ()), actor, vec_normalize
        )
        imported = import_action(request)
        for note in imported.notes:
            out.warn(note)
        out.add_data(imported.to_json())
        policy = imported.policy
        hidden = " -> ".join(
            map(str, [policy["policy_size"], *policy["policy_hidden_layer_sizes"]])
        )
        out.print(f"{imported.path}: {imported.format}, as a checkpoint of {imported.env}")
        out.print(
            f"{hidden} -> {len(policy['action_low'])} actions, {policy['activation']}, "
            f"{policy['distribution']}, {'with' if imported.value else 'without'} value function"
        )
        out.print(f"next: rlctl eval --ckpt {shlex.quote(str(imported.path))}")
