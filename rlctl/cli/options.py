"""Options shared by several commands, and their shell completion."""

import dataclasses
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer.models import OptionInfo

from rlctl import catalog
from rlctl.checkpoints import shipped
from rlctl.core import runs
from rlctl.core.device import checked_name
from rlctl.core.errors import RlctlError, UsageError


def complete_env(incomplete: str) -> list[tuple[str, str]]:
    """Complete names of environments from the catalog, without importing them."""
    names = [(row.name, row.summary) for row in catalog.envs().values()]
    for family in catalog.families().values():
        if incomplete.startswith(family.prefix + ":"):
            known = catalog.names(family)
            names += [(f"{family.prefix}:{name}", family.summary) for name in known]
        else:
            names.append((family.prefix + ":", family.summary))
    return [pair for pair in names if pair[0].startswith(incomplete)]


def complete_algo(incomplete: str) -> list[tuple[str, str]]:
    """Complete names of algorithms."""
    rows = catalog.engines().values()
    return [(row.name, row.summary) for row in rows if row.name.startswith(incomplete)]


def complete_run(incomplete: str) -> list[str]:
    """Complete names of runs in the runs folder, newest first."""
    return [name for name in runs.names() if name.startswith(incomplete)]


def complete_ckpt(incomplete: str) -> list[str]:
    """Complete --ckpt: `latest`, `best`, runs, environments and shipped policies."""
    ships = [runs.SHIPPED + env for env in shipped.names()]
    names = ["latest", "best", *runs.names(), *catalog.envs(), *ships]
    return [name for name in names if name.startswith(incomplete)]


def complete_setting(incomplete: str) -> list[tuple[str, str]]:
    """Complete full names of training settings, except those of environments."""
    kinds = {"train": catalog.load("rlctl.engines.config:TrainConfig")}
    for name, row in catalog.engines().items():
        with suppress(RlctlError):  # a plugin that cannot be loaded
            kinds[name] = catalog.load(row.config)
    named = [
        (f"{section}.{field.name}=", field.metadata.get("help", ""))
        for section, kind in kinds.items()
        for field in dataclasses.fields(kind)
    ]
    return [pair for pair in named if pair[0].startswith(incomplete)]


def option(
    name: str, metavar: str, help: str, complete: Callable[[str], list] | None = None
) -> OptionInfo:
    """Declare an option with a value."""
    return typer.Option(name, metavar=metavar, help=help, autocompletion=complete)


Env = Annotated[
    str,
    typer.Argument(
        metavar="ENV",
        help="Environment; `rlctl envs` lists them.",
        show_default=False,
        autocompletion=complete_env,
    ),
]
OptionalEnv = Annotated[
    str | None,
    typer.Argument(
        metavar="ENV",
        help="Environment; `rlctl envs` lists them.",
        show_default=False,
        autocompletion=complete_env,
    ),
]
Algo = Annotated[
    str,
    option("--algo", "NAME", "Choose the algorithm.", complete_algo),
]
Ckpt = Annotated[
    str | None,
    option(
        "--ckpt",
        "CKPT",
        "Load a run, checkpoint folder, RUN@STEP, ENV (its latest run), `latest`, `best` or "
        "shipped:ENV; default: the best checkpoint of the latest run.",
        complete_ckpt,
    ),
]
Config = Annotated[
    str | None,
    option("--config", "FILE", "Read settings from a TOML file."),
]
Set = Annotated[
    list[str] | None,
    option(
        "--set",
        "KEY=VALUE",
        "Set a setting by its full name; may be repeated. `rlctl config show ENV` lists them.",
        complete_setting,
    ),
]
Command = Annotated[
    str | None,
    option("--command", "NAME=X,NAME=X", "Fix the command, e.g. vx=1,yaw=-0.5; others are 0."),
]
Schedule = Annotated[
    str | None,
    option(
        "--command-schedule",
        "SCHEDULE",
        "Schedule commands by episode time in seconds, e.g. '0: vx=1; 4: yaw=0.7', or read "
        "them from a file.",
    ),
]
ClipCommand = Annotated[
    bool, typer.Option("--clip-command", help="Clip commands to the training range.")
]
Device = Annotated[
    Literal["auto", "cpu", "gpu", "cuda"],
    typer.Option("--device", help="Choose the device; cuda is the same as gpu."),
]
Cpu = Annotated[bool, typer.Option("--cpu", help="Use the CPU, like --device cpu.")]
Physics = Annotated[
    Literal["auto", "native", "jax", "warp"] | None,
    typer.Option("--physics", help="Choose the physics back end.", show_default=False),
]
Backend = Annotated[
    Literal["numpy", "jax", "torch"],
    typer.Option("--backend", help="Choose the framework that runs the policy."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print only results, warnings and errors.")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print more details.")]


def path(text: str | None) -> Path | None:
    """Return an option as a path; "" stays a path and is rejected later."""
    return None if text is None else Path(text)


def device(requested: str, cpu: bool) -> str:
    """Return the device that --device and --cpu request together: auto, cpu or gpu.

    Raises:
        UsageError: The two options contradict each other.
    """
    if cpu and requested in ("gpu", "cuda"):
        raise UsageError(
            f"--cpu and --device {requested} contradict each other", "give one of the two"
        )
    return "cpu" if cpu else checked_name(requested)
