"""Metadata of an exported policy: the JSON file that says how to use it."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rlctl import __version__
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.specs import EnvSpec, PolicySpec

_PACKAGES = ("brax", "jax", "numpy", "onnx", "orbax-checkpoint", "torch")


def contract(
    checkpoint: Checkpoint, spec: PolicySpec, kind: str, name: str, example: str
) -> dict[str, Any]:
    """Return the metadata of an export as plain data.

    Args:
        checkpoint: Checkpoint of the policy.
        spec: The policy.
        kind: The format.
        name: Name of the exported file or folder.
        example: A program that acts with it.

    Raises:
        Incompatible: The checkpoint has no environment spec.
    """
    env = checkpoint.env
    return {
        "schema": {"name": "rlctl-policy", "major": 1, "minor": 0},
        "format": kind,
        "file": name,
        "environment": env.id,
        "control_dt": env.control_dt,
        "observation": {"size": env.observation_size, "layout": _layout(env)},
        "action": {"size": env.action_size, "parts": [vars(part) for part in env.action]},
        "policy": spec.to_json(),
        "example": example,
        "checkpoint": {
            "step": checkpoint.step,
            "engine": checkpoint.manifest.get("engine"),
            "manifest_sha256": checkpoint.manifest.get("manifest_sha256"),
        },
        "versions": {"rlctl": __version__, **_versions()},
    }


def _layout(env: EnvSpec) -> list[dict[str, Any]]:
    """Return the parts of the observation, each with its start index."""
    start, parts = 0, []
    for part in env.observation:
        parts.append({"start": start, **vars(part)})
        start += part.size
    return parts


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
