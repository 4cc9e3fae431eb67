"""Resolve, show and validate the settings of a training. Imports no framework."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rlctl import catalog
from rlctl.core.config import (
    Layer,
    Overrides,
    Resolved,
    Row,
    flag_layer,
    resolve,
    set_layer,
    toml_layer,
)
from rlctl.core.device import expected
from rlctl.core.errors import UsageError
from rlctl.core.presets import algo_layer, preset_layers
from rlctl.engines.config import TrainConfig

EVAL_SHARE = 0.2  # default of new trainings; runs older than the setting have None
TRAIN_CONFIG = "rlctl.engines.config:TrainConfig"


@dataclass(frozen=True, repr=False)
class SettingsReport(Mapping[str, Any]):
    """The settings of a training of `env` by `algo`: a mapping from "section.key" to the value.

    Attributes:
        env: The environment.
        algo: The algorithm.
        resolved: The settings by section, and the origin of each.
    """

    env: str
    algo: str
    resolved: Resolved

    @property
    def origins(self) -> dict[str, str]:
        """Origin of each value, by full name: `default`, a preset, a file, --set or a flag."""
        return self.resolved.origins

    def rows(self) -> list[Row]:
        """Return every setting with its name, value, origin and help."""
        return self.resolved.rows()

    def __getitem__(self, name: str) -> Any:
        return self.resolved.values()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.resolved.values())

    def __len__(self) -> int:
        return len(self.resolved.values())

    def __repr__(self) -> str:
        rows = self.rows()
        width = max(len(row.name) for row in rows)
        lines = [f"{row.name:<{width}} = {row.value!r}  ({row.origin})" for row in rows]
        return "\n".join([f"Settings of {self.env} by {self.algo}:", *lines])

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        rows = [asdict(row) for row in self.resolved.rows()]
        return {"env": self.env, "algo": self.algo, "settings": rows}


def sections_of(env: str, algo: str) -> dict[str, type]:
    """Return the settings dataclasses of a training, by section.

    Raises:
        UsageError: The environment or algorithm is unknown.
    """
    return {
        "train": catalog.load(TRAIN_CONFIG),
        algo: catalog.load(catalog.engine(algo).config),
        "env": catalog.load(catalog.env(env).config),
    }


def resolve_training(
    env: str,
    algo: str,
    config: Path | None = None,
    overrides: Overrides = (),
    flags: Mapping[str, Any] | None = None,
    device: str = "auto",
) -> Resolved:
    """Resolve the settings of a training: defaults < presets < file < --set < flags.

    Evaluations are limited to a fraction of the steps, `train.eval_share`, unless their number or
    their episodes are given.

    Args:
        env: Environment.
        algo: Algorithm.
        config: A TOML file of settings.
        overrides: "section.key=value", as --set takes them, or values by full name.
        flags: "section.key" -> value, None where not given.
        device: `auto`, `cpu` or `gpu`, which presets may depend on.

    Raises:
        UsageError: Settings are unknown or not allowed; the message lists all of them.
        NotFound: The file does not exist.
    """
    sections = sections_of(env, algo)
    given = [
        toml_layer(config) if config is not None else None,
        set_layer(overrides),
        flag_layer(flags or {}),
    ]
    layers = (
        Layer("default", {"train.eval_share": EVAL_SHARE}),
        algo_layer(algo),
        *preset_layers(algo, env, expected(device)),
        *_lift_eval_limit([layer for layer in given if layer is not None]),
        *given,
    )
    resolved = resolve(
        sections, [layer for layer in layers if layer is not None], shown_by(env, algo)
    )
    check_physics(env, resolved[TrainConfig].physics)
    return resolved


def _lift_eval_limit(given: Sequence[Layer]) -> Iterator[Layer]:
    """Yield layers that lift `train.eval_share` where the user asks for evaluations."""
    for layer in given:
        for name in ("num_evals", "eval_episodes"):
            if f"train.{name}" in layer.values:
                yield Layer(f"{layer.origin} {name}", {"train.eval_share": None})


def shown_by(env: str, algo: str) -> str:
    """Return the command that shows the settings of a training."""
    command = ["rlctl", "config", "show", env]
    return shlex.join(command if algo == "ppo" else [*command, "--algo", algo])


def check_physics(env: str, physics: str) -> None:
    """Check that the environment supports a physics back end.

    Raises:
        UsageError: The environment does not support it.
    """
    allowed = catalog.env(env).physics
    if physics != "auto" and physics not in allowed:
        raise UsageError(
            f"{env} does not run on {physics} physics; it runs on {', '.join(allowed)}",
            "leave --physics out to choose it automatically",
        )


def show(
    env: str, algo: str, config: Path | None, overrides: Overrides, device: str
) -> SettingsReport:
    """Return the settings that a training on a device would have.

    Raises:
        UsageError: As `resolve_training`.
        NotFound: As `resolve_training`.
    """
    resolved = resolve_training(env, algo, config, overrides, device=device)
    return SettingsReport(env, algo, resolved)


def validate(file: Path, env: str | None) -> dict[str, Any]:
    """Validate a settings file, with an environment if one is named.

    Returns:
        The file, and the values it sets, by full name.

    Raises:
        UsageError: Settings are unknown or not allowed; the message lists all of them.
        NotFound: The file does not exist.
    """
    layer = toml_layer(file)
    given = {name.partition(".")[0] for name in layer.values}
    if "env" in given and env is None:
        raise UsageError(
            f"{file} has settings of an environment in [env], and no environment was named",
            f"rlctl config validate {shlex.quote(str(file))} ENV",
        )
    sections = {"train": catalog.load(TRAIN_CONFIG)}
    # Engines of plugins are imported only if the file has their section.
    sections |= {
        name: catalog.load(row.config)
        for name, row in catalog.engines().items()
        if name in given or row.config.startswith("rlctl.")
    }
    if env is not None:
        sections["env"] = catalog.load(catalog.env(env).config)
    resolved = resolve(sections, [layer])
    if env is not None:
        check_physics(env, resolved[TrainConfig].physics)
    return {"file": str(file), "env": env, "values": _given(resolved, layer)}


def _given(resolved: Resolved, layer: Layer) -> dict[str, Any]:
    return {row.name: row.value for row in resolved.rows() if row.origin == layer.origin}
