"""`rlctl import`: a policy of another tool."""

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
        Path, typer.Option("--out", metavar="DIR", help="The checkpoint's folder, a new one.")
    ],
    env: Annotated[
        str | None,
        typer.Option(
            "--env",
            metavar="NAME",
            help="Environment it is of; left out: the only one that its sizes fit.",
            show_default=False,
            autocompletion=complete_env,
        ),
    ] = None,
    activation: Annotated[
        str | None,
        typer.Option(
            "--activation",
            metavar="NAME",
            help="Between the layers, where SOURCE does not tell: swish, tanh, relu or elu.",
            show_default=False,
        ),
    ] = None,
    obs_clip: Annotated[
        float | None,
        typer.Option(
            "--obs-clip",
            metavar="X",
            help="Normalised observations are cut off at +-X.",
            show_default=False,
        ),
    ] = None,
    actor: Annotated[
        str,
        typer.Option(
            "--actor",
            metavar="PREFIX,...",
            help="The policy's layers in a state dict of several networks.",
            show_default=False,
        ),
    ] = "",
    vec_normalize: Annotated[
        Path | None,
        typer.Option(
            "--vec-normalize",
            metavar="FILE",
            help="What Stable-Baselines3's VecNormalize.save wrote.",
            show_default=False,
        ),
    ] = None,
    set_: Set = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a checkpoint of a policy that Brax, Stable-Baselines3, rsl_rl or PyTorch saved.

    Nothing in SOURCE is run, whatever it is.
    """
    with console.command("import", as_json, quiet) as out:
        select("cpu")
        from rlctl.actions.import_ import ImportRequest
        from rlctl.actions.import_ import import_ as make

        request = ImportRequest(
            source, path, env, activation, obs_clip, tuple(set_ or ()), actor, vec_normalize
        )
        done = make(request)
        for note in done.notes:
            out.warn(note)
        out.data(done.to_json())
        policy = done.policy
        hidden = " -> ".join(
            map(str, [policy["policy_size"], *policy["policy_hidden_layer_sizes"]])
        )
        out.text(f"{done.path}: {done.format}, as a checkpoint of {done.env}")
        out.text(
            f"{hidden} -> {len(policy['action_low'])} actions, {policy['activation']}, "
            f"{policy['distribution']}, {'with' if done.value else 'without'} its value function"
        )
        out.text(f"next: rlctl eval --ckpt {shlex.quote(str(done.path))}")
