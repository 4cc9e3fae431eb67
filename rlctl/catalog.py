"""THE table: what rlctl has, by name, as strings. Importing it loads nothing else.

A row points at code as "module:attribute"; outside packages add rows through the entry point
groups `rlctl.envs` and `rlctl.engines`.
"""

import difflib
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from rlctl.core.errors import UsageError


@dataclass(frozen=True)
class EnvRow:
    """An environment.

    Attributes:
        name: What the user types.
        summary: One line.
        target: "module:attribute", a callable from its config to the environment.
        config: "module:attribute", the frozen dataclass behind `--set env.*`.
        observation: Size of the observation.
        action: Size of the action.
        rate: Control rate, Hz.
        physics: Back ends that can step it.
    """

    name: str
    summary: str
    target: str
    config: str
    observation: int
    action: int
    rate: float
    physics: tuple[str, ...] = ("native", "jax", "warp")


@dataclass(frozen=True)
class FamilyRow:
    """Environments made elsewhere, named `prefix:NAME`.

    Attributes:
        prefix: What comes before the colon.
        summary: One line.
        target: "module:attribute", a callable from (NAME, config) to the environment.
        config: "module:attribute", the frozen dataclass behind `--set env.*`.
        names: "module:attribute", a callable giving the names it has.
        physics: Back ends that can step them.
    """

    prefix: str
    summary: str
    target: str
    config: str
    names: str
    physics: tuple[str, ...]


@dataclass(frozen=True)
class EngineRow:
    """A training algorithm.

    Attributes:
        name: What the user types.
        summary: One line.
        target: "module:attribute", the engine's train function.
        config: "module:attribute", the frozen dataclass behind `--set NAME.*`.
    """

    name: str
    summary: str
    target: str
    config: str


ENVS = (
    EnvRow(
        "barkour",
        "Google Barkour vB quadruped: follow a velocity command over flat ground",
        "rlctl.envs.barkour.env:Barkour",
        "rlctl.envs.barkour.config:BarkourConfig",
        observation=465,
        action=12,
        rate=50.0,
    ),
    EnvRow(
        "inverted-pendulum",
        "Gymnasium's InvertedPendulum-v5: keep a pole upright on a cart",
        "rlctl.envs.inverted_pendulum.env:InvertedPendulum",
        "rlctl.envs.inverted_pendulum.config:InvertedPendulumConfig",
        observation=4,
        action=1,
        rate=25.0,
    ),
    EnvRow(
        "pendulum",
        "dm_control's pendulum swing-up: a torque too weak to lift the pole at once",
        "rlctl.envs.pendulum.env:Pendulum",
        "rlctl.envs.pendulum.config:PendulumConfig",
        observation=3,
        action=1,
        rate=50.0,
    ),
)

FAMILIES = (
    FamilyRow(
        "brax",
        "Brax's own environments, on its MJX pipeline",
        "rlctl.envs.families.brax:make",
        "rlctl.envs.families.brax_config:BraxConfig",
        "rlctl.envs.families.brax_config:names",
        physics=("jax",),
    ),
)

ENGINES = (
    EngineRow(
        "ppo",
        "Proximal policy optimisation in JAX, with Brax's maths and names",
        "rlctl.engines.ppo.train:train",
        "rlctl.engines.ppo.config:PPOConfig",
    ),
)


def load(target: str) -> Any:
    """The object behind "module:attribute"."""
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


def envs() -> dict[str, EnvRow]:
    """Every environment by name, those of outside packages included."""
    return _rows(ENVS, "rlctl.envs")


def engines() -> dict[str, EngineRow]:
    """Every engine by name, those of outside packages included."""
    return _rows(ENGINES, "rlctl.engines")


def env(name: str) -> EnvRow | FamilyRow:
    """The row of an environment, or of the family of `prefix:NAME`.

    Raises:
        UsageError: No such environment; the message names the nearest.
    """
    rows = envs()
    if name in rows:
        return rows[name]
    families = {row.prefix: row for row in FAMILIES}
    prefix, colon, rest = name.partition(":")
    if colon and prefix in families:
        known = load(families[prefix].names)()
        if rest in known:
            return families[prefix]
        raise UsageError(
            f"there is no environment {name!r}; {prefix}: has {', '.join(known)}",
            _did_you_mean(rest, known, prefix + ":") or "run `rlctl envs` for the list",
        )
    choices = [*rows, *(f"{prefix}:NAME" for prefix in families)]
    raise UsageError(
        f"there is no environment {name!r}; there are {', '.join(choices)}",
        _did_you_mean(name, list(rows)) or "run `rlctl envs` for the list",
    )


def engine(name: str) -> EngineRow:
    """The row of an engine.

    Raises:
        UsageError: No such engine.
    """
    rows = engines()
    if name not in rows:
        raise UsageError(
            f"there is no algorithm {name!r}; there are {', '.join(rows)}",
            _did_you_mean(name, list(rows)),
        )
    return rows[name]


def _rows(built_in: tuple, group: str) -> dict[str, Any]:
    rows = {row.name: row for row in built_in}
    for point in entry_points(group=group):
        row = point.load()
        if row.name in rows:
            raise UsageError(
                f"{point.value} adds {row.name!r} to {group}, which is there already",
                "rename it or uninstall one of the two packages",
            )
        rows[row.name] = row
    return dict(sorted(rows.items()))


def _did_you_mean(name: str, known: list[str], prefix: str = "") -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {prefix}{close[0]}?" if close else ""
