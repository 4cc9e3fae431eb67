"""Export a checkpoint's policy to another tool's format, with a JSON description."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from rlctl.actions.policy_checkpoint import open_policy
from rlctl.core.errors import UsageError
from rlctl.core.files import atomic_output, plain
from rlctl.policies.base import check_arrays
from rlctl.policies.exports.contract import contract

FORMATS = {
    "torch": "rlctl.policies.exports.torch_file",
    "brax": "rlctl.policies.exports.brax_folder",
    "onnx": "rlctl.policies.exports.onnx_file",
    "numpy": "rlctl.policies.exports.numpy_file",
}


@dataclass(frozen=True)
class Exported:
    """An exported policy.

    Attributes:
        path: The file, or the folder of format `brax`.
        contract: The JSON file that describes the policy's inputs and outputs.
        format: A key of `FORMATS`.
        env: The environment.
        checkpoint: The exported checkpoint.
        step: Environment steps the policy was trained for.
        bytes: The size of the file or folder.
    """

    path: Path
    contract: Path
    format: str
    env: str
    checkpoint: Path
    step: int
    bytes: int

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def export(
    out: Path,
    kind: str,
    ckpt: str | None = None,
    warn: Callable[[str], None] = lambda line: None,
    env: str | None = None,
) -> Exported:
    """Export the policy of a checkpoint.

    Args:
        out: The file, or the folder of format `brax`; it must not exist yet.
        kind: A key of `FORMATS`.
        ckpt: Checkpoint as `--ckpt` takes it; None for the latest run's best.
        warn: Called if a damaged checkpoint is skipped, or the environment has changed.
        env: The environment the checkpoint must be of; None for any.

    Raises:
        UsageError: The format or environment is unknown, or `out` or `out`.json exists.
        Incompatible: The format cannot express this policy.
        DeviceUnavailable: The package that writes the format is not installed.
        OutOfSpace: It cannot be written.
        RlctlError: The checkpoint is missing, damaged or incompatible.
    """
    if kind not in FORMATS:
        raise UsageError(f"there is no format {kind!r}; there are {', '.join(FORMATS)}")
    description = Path(f"{out}.json")
    for path in (out, description):
        if os.path.lexists(path):
            raise UsageError(f"{path} already exists", "give another --out, or move it away")
    checkpoint = open_policy(ckpt, env, warn)
    spec, arrays = checkpoint.policy, checkpoint.groups["policy"]
    check_arrays(spec, arrays)
    writer = import_module(FORMATS[kind])
    facts = contract(checkpoint, spec, kind, out.name, writer.program(spec, out.name))
    # Both are moved to their paths only when both are complete.
    with atomic_output(description) as temp_description, atomic_output(out) as temp_out:
        temp_description.write_text(json.dumps(plain(facts), indent=2) + "\n")
        writer.write(spec, arrays, temp_out)
    return Exported(
        path=out,
        contract=description,
        format=kind,
        env=facts["environment"],
        checkpoint=checkpoint.path,
        step=checkpoint.step,
        bytes=sum(file.stat().st_size for file in (out, *out.rglob("*")) if file.is_file()),
    )
