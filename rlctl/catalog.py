"""The catalog of environments, engines and policies, as strings. Importing it loads nothing else.

A row refers to code as "module:attribute". Other packages add rows through the entry point groups
`rlctl.envs`, `rlctl.families`, `rlctl.engines` and `rlctl.policies`.
"""

import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from rlctl.core import plugins, runs
from rlctl.core.config import path_settings
from rlctl.core.errors import Unsafe, UsageError
from rlctl.core.specs import PolicySpec
from rlctl.core.suggest import did_you_mean, nearest


@dataclass(frozen=True)
class EnvRow:
    """Catalog row of an environment.

    Attributes:
        name: The name that the user types.
        summary: One line.
        target: "module:attribute", a callable from its config to the environment.
        config: "module:attribute", the frozen dataclass behind `--set env.*`.
        observation: Size of the observation.
        action: Size of the action.
        rate: Control rate, Hz.
        physics: Physics back ends that can step it.
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
    """Catalog row of a family: environments of another package, named `prefix:NAME`.

    Attributes:
        prefix: The part before the colon.
        summary: One line.
        target: "module:attribute", a callable from (NAME, config) to the environment.
        config: "module:attribute", the frozen dataclass behind `--set env.*`.
        names: "module:attribute", a callable that returns its names; for an open family it takes
            the requested NAME, whose module may register more.
        physics: Physics back ends that can step them.
        open: Other packages add environments to it: its names are listed on request only.
    """

    prefix: str
    summary: str
    target: str
    config: str
    names: str
    physics: tuple[str, ...]
    open: bool = False

    @property
    def name(self) -> str:
        """The prefix: no two plugins may have the same."""
        return self.prefix


@dataclass(frozen=True)
class EngineRow:
    """Catalog row of a training algorithm.

    Attributes:
        name: The name that the user types.
        summary: One line.
        target: "module:attribute", the engine: an object as `rlctl.engines.api.Engine` describes.
        config: "module:attribute", the frozen dataclass behind `--set NAME.*`.
        devices: Whether it can train on several devices.
    """

    name: str
    summary: str
    target: str
    config: str
    devices: bool = False


@dataclass(frozen=True)
class PolicyRow:
    """Catalog row of a kind of policy.

    Attributes:
        name: The tag `kind` of its specs.
        summary: One line.
        target: "module:attribute", a `rlctl.policies.base.PolicyKind`.
    """

    name: str
    summary: str
    target: str


def _mujoco(
    name: str, task: str, summary: str, observation: int, action: int, rate: float
) -> EnvRow:
    """Return the row of a task that is equal to Gymnasium's MuJoCo task of version 5."""
    package = "rlctl.envs.gymnasium_tasks"
    target = f"{package}.{name.replace('-', '_')}:{task}"
    config = f"{package}.config:{task}Config"
    return EnvRow(
        name, f"Gymnasium's {task}-v5{summary}", target, config, observation, action, rate
    )


ENVS = (
    _mujoco("ant", "Ant", " without contact forces: four legs run forward", 27, 8, 20.0),
    EnvRow(
        "barkour",
        "Google Barkour vB quadruped: follow a velocity command over flat ground",
        "rlctl.envs.barkour.env:Barkour",
        "rlctl.envs.barkour.config:BarkourConfig",
        observation=507,
        action=12,
        rate=50.0,
    ),
    _mujoco("half-cheetah", "HalfCheetah", ": run forward in a plane", 17, 6, 20.0),
    _mujoco("hopper", "Hopper", ": hop forward on one leg", 11, 3, 125.0),
    _mujoco("humanoid", "Humanoid", " without contact forces: walk forward", 270, 17, 1 / 0.015),
    _mujoco(
        "inverted-double-pendulum",
        "InvertedDoublePendulum",
        ": keep two poles upright on a cart",
        9,
        1,
        20.0,
    ),
    _mujoco("inverted-pendulum", "InvertedPendulum", ": keep a pole upright on a cart", 4, 1, 25.0),
    EnvRow(
        "pendulum",
        "dm_control's pendulum swing-up: the torque is too weak to lift the pole directly",
        "rlctl.envs.pendulum.env:Pendulum",
        "rlctl.envs.pendulum.config:PendulumConfig",
        observation=3,
        action=1,
        rate=50.0,
    ),
    _mujoco("pusher", "Pusher", ": an arm pushes an object to its goal", 23, 7, 20.0),
    _mujoco("reacher", "Reacher", ": a two-joint arm reaches a target", 10, 2, 50.0),
    _mujoco("swimmer", "Swimmer", ": three links swim forward", 8, 2, 25.0),
    _mujoco("walker2d", "Walker2d", ": two legs walk forward in a plane", 17, 6, 125.0),
)

FAMILIES = (
    FamilyRow(
        "brax",
        "Brax's own environments, on its MJX pipeline",
        "rlctl.families.brax.simulation:make",
        "rlctl.families.brax.config:BraxConfig",
        "rlctl.families.brax.config:names",
        physics=("jax",),
    ),
    FamilyRow(
        "gym",
        "any Gymnasium environment, by its id, or as gym:MODULE:ID",
        "rlctl.families.gymnasium.environment:make",
        "rlctl.families.gymnasium.config:GymnasiumConfig",
        "rlctl.families.gymnasium.environment:names",
        physics=("gymnasium",),
        open=True,
    ),
)


def _engine(name: str, summary: str, devices: bool = False) -> EngineRow:
    module, kind = f"rlctl.engines.{name}", f"{name.upper()}Config"
    return EngineRow(name, summary, f"{module}.train:ENGINE", f"{module}.config:{kind}", devices)


ENGINES = (
    _engine("ppo", "Proximal policy optimisation in JAX, with Brax's maths and names", True),
    _engine("trpo", "Trust region policy optimisation in PyTorch, normal and categorical policies"),
    _engine("sac", "Soft actor-critic in JAX: off-policy, few environment steps and much learning"),
)

POLICIES = (
    PolicyRow(
        "mlp",
        "Multi-layer perceptron on normalised observations",
        "rlctl.policies.mlp.kind:KIND",
    ),
)


def load(target: str) -> Any:
    """Import and return the object "module:attribute".

    Raises:
        UsageError: A plugin's module cannot be imported or lacks the attribute.
    """
    module, _, attribute = target.partition(":")
    if module.partition(".")[0] == "rlctl":
        return getattr(import_module(module), attribute)
    try:
        return getattr(import_module(module), attribute)
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # importing runs third-party code, which may raise anything
        raise UsageError(
            f"{target} of another package cannot be loaded: {plugins.in_one_line(problem)}",
            f"`{sys.executable} -c 'import {module}'` shows where it fails",
        ) from problem


def envs() -> dict[str, EnvRow]:
    """Return all environments by name, including plugins."""
    return plugins.with_plugins(ENVS, "rlctl.envs", EnvRow)[0]


def families() -> dict[str, FamilyRow]:
    """Return all families by prefix, including plugins."""
    return plugins.with_plugins(FAMILIES, "rlctl.families", FamilyRow)[0]


def engines() -> dict[str, EngineRow]:
    """Return all engines by name, including plugins."""
    return plugins.with_plugins(ENGINES, "rlctl.engines", EngineRow)[0]


def env(name: str) -> EnvRow | FamilyRow:
    """Return the row of an environment, or of the family of `prefix:NAME`.

    Raises:
        UsageError: There is no such environment; the hint names the most similar one.
    """
    rows, broken = plugins.with_plugins(ENVS, "rlctl.envs", EnvRow)
    if name in rows:
        return rows[name]
    known_families, broken_families = plugins.with_plugins(FAMILIES, "rlctl.families", FamilyRow)
    prefix, colon, rest = name.partition(":")
    if colon and prefix in known_families:
        row = known_families[prefix]
        known = names(row, rest)
        if rest in known:
            return row
        has = f"{len(known)} environments" if row.open else ", ".join(known)
        raise UsageError(
            f"there is no environment {name!r}; {prefix}: has {has}",
            did_you_mean(rest, sorted(known, reverse=True), prefix + ":")
            or f"`rlctl envs {prefix}` lists them",
        )
    _check_usable(name, broken)
    _check_usable(prefix, broken_families)
    choices = [*rows, *(f"{prefix}:NAME" for prefix in known_families)]
    raise UsageError(
        f"there is no environment {name!r}; there are {', '.join(choices)}",
        _other_use_hint(name) or did_you_mean(name, rows) or "run `rlctl envs` for the list",
    )


def check_trusted(name: str, settings: Any, typed: str | None) -> None:
    """Refuse to import code or read files named by a file, unless the user typed the name.

    A setting is a file's name if its type is `Path`; in a family also if it looks like one.

    Args:
        name: The environment named in the file.
        settings: Its settings in the file, not validated yet.
        typed: The environment that the user named, None for none.

    Raises:
        Unsafe: The name is `prefix:MODULE:NAME` and MODULE is not imported yet; or a setting is
            a path.
    """
    if name == typed:
        return
    prefix, colon, rest = name.partition(":")
    # A module that is already imported cannot run new code.
    module = rest.rpartition(":")[0] if colon else ""
    if module and module not in sys.modules:
        raise Unsafe(
            f"its environment {name} is code: the Python module {module} would be imported",
            f"if you trust that module, name the environment as well: {name}",
        )
    given = settings if isinstance(settings, dict) else {}
    row = families().get(prefix) if colon else envs().get(name)
    files = path_settings(load(row.config), given) if row else {}
    if colon:
        texts = {key: value for key, value in given.items() if isinstance(value, str)}
        files |= {key: text for key, text in texts.items() if set(text) & set("/\\~")}
    for key, value in files.items():
        raise Unsafe(
            f"its environment {name} would read a file: env.{key} is {value}",
            f"if you trust that file, name the environment as well: {name}",
        )


def family(prefix: str) -> FamilyRow:
    """Return the row of a family.

    Raises:
        UsageError: There is no such family.
    """
    known = families()
    if prefix not in known:
        raise UsageError(
            f"there is no environment or family {prefix!r}; families are {', '.join(known)}",
            did_you_mean(prefix, (*envs(), *known)) or "run `rlctl envs` for the list",
        )
    return known[prefix]


def names(row: FamilyRow, asked: str = "") -> tuple[str, ...]:
    """Return the names of a family; an open one also imports the module of NAME `asked`."""
    return load(row.names)(asked) if row.open else load(row.names)()


def engine(name: str) -> EngineRow:
    """Return the row of an engine.

    Raises:
        UsageError: There is no such engine.
    """
    rows, broken = plugins.with_plugins(ENGINES, "rlctl.engines", EngineRow)
    if name not in rows:
        _check_usable(name, broken)
        raise UsageError(
            f"there is no algorithm {name!r}; there are {', '.join(rows)}",
            did_you_mean(name, rows) or f"--algo {next(iter(rows))}, for example",
        )
    return rows[name]


def policies() -> dict[str, PolicyRow]:
    """Return all kinds of policies by name, including plugins."""
    return plugins.with_plugins(POLICIES, "rlctl.policies", PolicyRow)[0]


def policy_kind(name: str) -> Any:
    """Return the `PolicyKind` of a name.

    Raises:
        UsageError: There is no such kind, or its package cannot be used.
    """
    rows, broken = plugins.with_plugins(POLICIES, "rlctl.policies", PolicyRow)
    if name not in rows:
        _check_usable(name, broken)
        raise UsageError(
            f"there is no policy kind {name!r:.60}; there are {', '.join(rows)}",
            did_you_mean(name, rows),
        )
    return load(rows[name].target)


def policy_spec(data: Mapping[str, Any]) -> PolicySpec:
    """Read the spec of a policy of any kind, as `PolicySpec.to_json` wrote it.

    Raises:
        ValueError: The data is no valid spec, or of a kind that is not installed.
    """
    name = data.get("kind")
    if not isinstance(name, str):
        raise ValueError("policy has no kind")
    try:
        kind = policy_kind(name)
    except UsageError as error:
        raise ValueError(error.message) from error
    return kind.spec.from_json(data)


def _other_use_hint(name: str) -> str:
    """Return a hint if the name is not an environment but a checkpoint, a run or a Gymnasium id."""
    if name in ("latest", "best") or "@" in name or name.startswith(runs.SHIPPED):
        return f"a checkpoint is named by --ckpt {shlex.quote(name)}"
    if name == "shipped":
        return "the policy that ships for an environment is named by --ckpt shipped:ENV"
    if "/" in name or runs.run_exists(name):
        return f"a run is named by --ckpt {shlex.quote(name)}"
    if re.fullmatch(r"[\w/-]+-v\d+", name):  # a Gymnasium id
        gym = family("gym")
        if name in names(gym, name):
            own = nearest(name, envs())
            return f"did you mean gym:{name}" + (f", or {own}, which is built in?" if own else "?")
    return ""


def _check_usable(name: str, broken: dict[str, plugins.Plugin]) -> None:
    if name in broken:
        plugin = broken[name]
        raise UsageError(
            f"{name} is from {plugin.package}, which cannot be used: {plugin.problem}",
            "repair that package, or uninstall it",
        )
