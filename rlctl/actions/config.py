"""Settings of a training: resolved, shown, validated. Loads no framework."""

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
    algo_layer,
    flag_layer,
    preset_layers,
    resolve,
    set_layer,
    toml_layer,
)
from rlctl.core.device import expected
from rlctl.core.errors import UsageError

EVAL_SHARE = 0.2  # of new trainings; those before the setting came have none
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
        """Where each value comes from, by full name; `default` where nothing else gave it."""
        return self.resolved.origins

    def rows(self) -> list[Row]:
        """Every setting with its name, value, origin and help."""
        return self.resolved.rows()

    def __getitem__(self, name: str) -> Any:
        return self._values()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    def __repr__(self) -> str:
        rows = self.rows()
        width = max(len(row.name) for row in rows)
        lines = [f"{row.name:<{width}} = {row.value!r}  ({row.origin})" for row in rows]
        return "\n".join([f"Settings of {self.env} by {self.algo}:", *lines])

    def _values(self) -> dict[str, Any]:
        return {row.name: row.value for row in self.rows()}

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        rows = [asdict(row) for row in self.resolved.rows()]
        return {"env": self.env, "algo": self.algo, "settings": rows}


def sections_of(env: str, algo: str) -> dict[str, type]:
    """The settings dataclasses of a training, by section.

    Raises:
        UsageError: No such environment or algorithm.
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
    """The settings of a training: defaults < presets < file < --set < flags.

    Evaluations are held to a share of the steps unless their number or episodes are given.

    Args:
        env: Environment.
        algo: Algorithm.
        config: A TOML file of settings.
        overrides: "section.key=value", as --set takes them, or values by full name.
        flags: "section.key" -> value, None where not given.
        device: `auto`, `cpu` or `gpu`, which presets may depend on.

    Raises:
        UsageError: Anything unknown or not allowed, all of it in one message.
        NotFound: The file is not there.
    """
    sections = sections_of(env, algo)
    given = [
        toml_layer(config) if config is not None else None,
        set_layer(overrides),
        flag_layer(flags or {}),
    ]
    layers = (
        Layer("default", {"train": {"eval_share": EVAL_SHARE}}),
        algo_layer(algo),
        *preset_layers(algo, env, expected(device)),
        *_unbounded_evaluations([layer for layer in given if layer is not None]),
        *given,
    )
    resolved = resolve(
        sections, [layer for layer in layers if layer is not None], shown_by(env, algo)
    )
    check_physics(env, resolved["train"].physics)
    return resolved


def _unbounded_evaluations(given: Sequence[Layer]) -> Iterator[Layer]:
    """What sees to it that evaluations which the user asked for are made, all of them."""
    for layer in given:
        train = layer.values.get("train", {})
        for name in ("num_evals", "eval_episodes"):
            if name in train:
                yield Layer(f"{layer.origin} {name}", {"train": {"eval_share": None}})


def shown_by(env: str, algo: str) -> str:
    """The command that shows the settings of a training."""
    words = ["rlctl", "config", "show", env]
    return shlex.join(words if algo == "ppo" else [*words, "--algo", algo])


def check_physics(env: str, physics: str) -> None:
    """Check that the environment runs on a physics back end.

    Raises:
        UsageError: It does not.
    """
    allowed = catalog.env(env).physics
    if physics != "auto" and physics not in allowed:
        raise UsageError(
            f"{env} does not run on {physics} physics; it runs on {', '.join(allowed)}",
            "leave --physics out to have it chosen",
        )


def show(
    env: str, algo: str, config: Path | None, overrides: Overrides, device: str
) -> SettingsReport:
    """Every setting that a training on a device would have.

    Raises:
        UsageError: As `resolve_training`.
        NotFound: As `resolve_training`.
    """
    resolved = resolve_training(env, algo, config, overrides, device=device)
    return SettingsReport(env, algo, resolved)


def validate(file: Path, env: str | None) -> dict[str, Any]:
    """Check a configuration file, against an environment if one is named.

    Returns:
        The file, and the values it sets by their full names.

    Raises:
        UsageError: Anything unknown or not allowed, all of it in one message.
        NotFound: The file is not there.
    """
    layer = toml_layer(file)
    if "env" in layer.values and env is None:
        raise UsageError(
            f"{file} has settings of an environment in [env], and no environment was named",
            f"rlctl config validate {shlex.quote(str(file))} ENV",
        )
    sections = {"train": catalog.load(TRAIN_CONFIG)}
    sections |= {
        name: catalog.load(row.config)
        for name, row in catalog.engines().items()
        if name in layer.values or row.config.startswith("rlctl.")
    }
    if env is not None:
        sections["env"] = catalog.load(catalog.env(env).config)
    resolved = resolve(sections, [layer])
    if env is not None:
        check_physics(env, resolved["train"].physics)
    return {"file": str(file), "env": env, "values": _given(resolved, layer)}


def _given(resolved: Resolved, layer: Layer) -> dict[str, Any]:
    return {row.name: row.value for row in resolved.rows() if row.origin == layer.origin}
