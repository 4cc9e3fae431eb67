"""`rlctl import`: convert a policy of another tool to a checkpoint."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from rlctl.cli import console, options
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
        Path, options.option("--out", "DIR", "Write the checkpoint to this new folder.")
    ],
    env: Annotated[
        str | None,
        options.option(
            "--env",
            "NAME",
            "Name its environment; default: the only one with matching sizes.",
            complete_env,
        ),
    ] = None,
    activation: Annotated[
        str | None,
        options.option(
            "--activation",
            "NAME",
            "Set the activation, if SOURCE does not: swish, tanh, relu or elu.",
        ),
    ] = None,
    obs_clip: Annotated[
        float | None,
        options.option("--obs-clip", "X", "Clip normalised observations to +-X."),
    ] = None,
    actor: Annotated[
        str,
        options.option(
            "--actor",
            "PREFIX,...",
            "Select the policy's layers in a state dict of several networks.",
        ),
    ] = "",
    vec_normalize: Annotated[
        Path | None,
        options.option(
            "--vec-normalize", "FILE", "Read the file of Stable-Baselines3's VecNormalize.save."
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
