"""Options that several commands share, and what the shell completes them with."""

import dataclasses
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import typer

from rlctl import catalog
from rlctl.checkpoints import shipped
from rlctl.core import runs
from rlctl.core.device import checked_name
from rlctl.core.errors import RlctlError, UsageError


def complete_env(incomplete: str) -> list[tuple[str, str]]:
    """Names of environments, from the catalog's strings alone."""
    names = [(row.name, row.summary) for row in catalog.envs().values()]
    for family in catalog.FAMILIES:
        if incomplete.startswith(family.prefix + ":"):
            known = catalog.names(family)
            names += [(f"{family.prefix}:{name}", family.summary) for name in known]
        else:
            names.append((family.prefix + ":", family.summary))
    return [pair for pair in names if pair[0].startswith(incomplete)]


def complete_algo(incomplete: str) -> list[tuple[str, str]]:
    """Names of algorithms."""
    rows = catalog.engines().values()
    return [(row.name, row.summary) for row in rows if row.name.startswith(incomplete)]


def complete_run(incomplete: str) -> list[str]:
    """Names of runs under the runs folder, newest first."""
    return [name for name in runs.names() if name.startswith(incomplete)]


def complete_ckpt(incomplete: str) -> list[str]:
    """What --ckpt takes by name: `latest`, `best`, runs, environments, policies that ship."""
    ships = [runs.SHIPPED + env for env in shipped.names()]
    names = ["latest", "best", *runs.names(), *catalog.envs(), *ships]
    return [name for name in names if name.startswith(incomplete)]


def complete_setting(incomplete: str) -> list[tuple[str, str]]:
    """Full names of the settings of trainings, but for those of environments."""
    kinds = {"train": catalog.load("rlctl.engines.config:TrainConfig")}
    for name, row in catalog.engines().items():
        with suppress(RlctlError):  # another package's, which cannot be loaded
            kinds[name] = catalog.load(row.config)
    named = [
        (f"{section}.{field.name}=", field.metadata.get("help", ""))
        for section, kind in kinds.items()
        for field in dataclasses.fields(kind)
    ]
    return [pair for pair in named if pair[0].startswith(incomplete)]


Env = Annotated[
    str,
    typer.Argument(
        metavar="ENV",
        help="Environment, as `rlctl envs` lists it.",
        show_default=False,
        autocompletion=complete_env,
    ),
]
OptionalEnv = Annotated[
    str | None,
    typer.Argument(
        metavar="ENV",
        help="Environment, as `rlctl envs` lists it.",
        show_default=False,
        autocompletion=complete_env,
    ),
]
Algo = Annotated[
    str,
    typer.Option("--algo", metavar="NAME", help="Algorithm.", autocompletion=complete_algo),
]
Ckpt = Annotated[
    str | None,
    typer.Option(
        "--ckpt",
        metavar="CKPT",
        help="Run, checkpoint folder, RUN@STEP, ENV (its latest run), `latest`, `best` or "
        "shipped:ENV; left out: the latest run's best.",
        show_default=False,
        autocompletion=complete_ckpt,
    ),
]
Config = Annotated[
    str | None,
    typer.Option("--config", metavar="FILE", help="Settings, TOML.", show_default=False),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting by its full name; may be repeated. `rlctl config show ENV` lists them.",
        show_default=False,
        autocompletion=complete_setting,
    ),
]
Command = Annotated[
    str | None,
    typer.Option(
        "--command",
        metavar="NAME=X,NAME=X",
        help="Command this, as vx=1,yaw=-0.5; what is not named is 0.",
        show_default=False,
    ),
]
Schedule = Annotated[
    str | None,
    typer.Option(
        "--command-schedule",
        metavar="SCHEDULE",
        help="Commands by seconds of an episode, as '0: vx=1; 4: yaw=0.7', or a file of them.",
        show_default=False,
    ),
]
ClipCommand = Annotated[
    bool, typer.Option("--clip-command", help="Keep commands within those of the training.")
]
Device = Annotated[
    Literal["auto", "cpu", "gpu", "cuda"],
    typer.Option("--device", help="Where to compute; cuda is gpu."),
]
Cpu = Annotated[bool, typer.Option("--cpu", help="The same as --device cpu.")]
Physics = Annotated[
    Literal["auto", "native", "jax", "warp"] | None,
    typer.Option("--physics", help="Physics back end.", show_default=False),
]
Backend = Annotated[
    Literal["numpy", "jax", "torch"], typer.Option("--backend", help="What runs the policy.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Results and errors only.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more on the way.")]


def path(text: str | None) -> Path | None:
    """A path that was given; "" is one too, and no good one."""
    return None if text is None else Path(text)


def device(asked: str, cpu: bool) -> str:
    """Return the device that --device and --cpu ask for together: auto, cpu or gpu.

    Raises:
        UsageError: They contradict each other.
    """
    if cpu and asked in ("gpu", "cuda"):
        raise UsageError(f"--cpu and --device {asked} contradict each other", "give one of the two")
    return "cpu" if cpu else checked_name(asked)
