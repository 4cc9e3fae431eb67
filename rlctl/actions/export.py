"""Write a checkpoint's policy in another tool's format, with the facts beside it."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from rlctl import catalog
from rlctl.actions.unplayed import tell_drift
from rlctl.checkpoints import find
from rlctl.core.errors import UsageError
from rlctl.core.files import atomic_output, plain
from rlctl.policies.base import check_arrays, spec_of
from rlctl.policies.exports.contract import contract

FORMATS = {
    "torch": "rlctl.policies.exports.torch_file",
    "brax": "rlctl.policies.exports.brax_folder",
    "onnx": "rlctl.policies.exports.onnx_file",
    "numpy": "rlctl.policies.exports.numpy_file",
}


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: The file, or the folder of format `brax`.
        contract: The JSON beside it, which says what goes in and what comes out.
        format: A key of `FORMATS`.
        env: The environment.
        checkpoint: Where the policy came from.
        step: Environment steps it was trained for.
        bytes: The size of file or folder.
    """

    path: Path
    contract: Path
    format: str
    env: str
    checkpoint: Path
    step: int
    bytes: int

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def export(
    out: Path,
    kind: str,
    ckpt: str | None = None,
    tell: Callable[[str], None] = lambda line: None,
    env: str | None = None,
) -> Exported:
    """Write the policy of a checkpoint for another tool.

    Args:
        out: The file, or the folder of format `brax`; nothing may be there yet.
        kind: A key of `FORMATS`.
        ckpt: What `--ckpt` takes; None for the latest run's best.
        tell: Told when a damaged checkpoint was skipped.
        env: The environment the checkpoint must be of; None for whichever it is.

    Raises:
        UsageError: No such format or environment, or there is something at `out` or beside it.
        Incompatible: The format cannot express this policy.
        DeviceUnavailable: The package that writes the format is not installed.
        OutOfSpace: It cannot be written.
        RlctlError: Anything wrong with the checkpoint.
    """
    if kind not in FORMATS:
        raise UsageError(f"there is no format {kind!r}; there are {', '.join(FORMATS)}")
    beside = Path(f"{out}.json")
    for path in (out, beside):
        if os.path.lexists(path):
            raise UsageError(f"{path} is there already", "give another --out, or move it away")
    if env is not None:
        catalog.env(env)
    checkpoint = find.open_checkpoint(ckpt, env, warn=tell)
    tell_drift(checkpoint, tell)
    spec, arrays = spec_of(checkpoint), checkpoint.groups["policy"]
    check_arrays(spec, arrays)
    writer = import_module(FORMATS[kind])
    facts = contract(checkpoint, spec, kind, out.name, writer.program(spec, out.name))
    with atomic_output(beside) as note, atomic_output(out) as place:
        note.write_text(json.dumps(plain(facts), indent=2) + "\n")
        writer.write(spec, arrays, place)
    return Exported(
        path=out,
        contract=beside,
        format=kind,
        env=facts["environment"],
        checkpoint=checkpoint.path,
        step=checkpoint.step,
        bytes=sum(file.stat().st_size for file in (out, *out.rglob("*")) if file.is_file()),
    )
