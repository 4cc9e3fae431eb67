"""Presets: settings of an algorithm for an environment, in `configs/`."""

from collections.abc import Sequence
from pathlib import Path

from rlctl.core.config import Layer, toml_layer


def preset_layers(algo: str, env: str, device: str) -> list[Layer]:
    """Return the presets of an algorithm for an environment, or else for its family.

    A preset for the device (`cpu`, `gpu`) overrides the general one.
    """
    family, colon, _ = env.partition(":")
    for name in (env, family) if colon else (env,):
        paths = _preset_path(algo, name), _preset_path(algo, f"{name}.{device}")
        layers = [_preset_layer(path, f"preset {algo}/") for path in paths]
        if any(layers):
            return [layer for layer in layers if layer is not None]
    return []


def algo_layer(algo: str) -> Layer | None:
    """Return the preset of an algorithm for all environments, None without one."""
    return _preset_layer(_presets() / f"{algo}.toml", "preset ")


def _preset_layer(path: Path, prefix: str) -> Layer | None:
    return toml_layer(path, prefix + path.name) if path.is_file() else None


def presets(env: str, algos: Sequence[str]) -> tuple[str, ...]:
    """Return the algorithms that have a preset for the environment."""
    return tuple(algo for algo in algos if _preset_path(algo, env).is_file())


def _preset_path(algo: str, env: str) -> Path:
    return _presets() / algo / f"{env.replace(':', '__')}.toml"


def _presets() -> Path:
    package = Path(__file__).parents[1]
    # A wheel has the presets inside the package, a source tree beside it.
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"
