"""Reader of PyTorch files, with `torch.load(weights_only=True)`.

PyTorch writes checksums into its zip but never verifies them, so Python's zipfile does that first.
"""

import io
import pickletools
import re
import zipfile
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import torch

from rlctl.checkpoints.foreign import rsl_rl, state_dict
from rlctl.checkpoints.foreign.base import MAX_NUMBERS, READ, ForeignPolicy
from rlctl.core.errors import (
    Damaged,
    DeviceUnavailable,
    Incompatible,
    Unsafe,
    UsageError,
    pip_install,
)

_NEEDED = (2, 10)  # older weights_only is unsafe: CVE-2025-32434, CVE-2026-24747
_MAX_BYTES = 2**30  # unpacked
_TOOLS = {  # tool -> tensor names that only its files have
    "rl_games": re.compile(r"(.+\.)?a2c_network\."),
    "skrl": re.compile(
        r"(^|\.)(log_std_parameter|current_count)$|^(observation|state|value)_preprocessor$"
    ),
}
_ADVICE = (
    "nothing of it was run; at its origin, save the tensors only: "
    "torch.save(model.state_dict(), FILE)"
)


def read(files: dict[str, bytes], actor: str = "") -> ForeignPolicy:
    """Read the policy in a file; see `sandbox_child.READERS`.

    Args:
        files: The file.
        actor: Prefixes of the policy's layers, joined by commas; "" to use the names.
    """
    (data,) = files.values()
    state, top = load(data)
    if (tensors := rsl_rl.saved(top, state)) is not None:
        if actor:
            raise UsageError("it is of rsl_rl, whose layers are known", "leave --actor out")
        return rsl_rl.policy_of(tensors)
    arrays, notes = state_dict.arrays_of(state, [part for part in actor.split(",") if part])
    exported = {"normalizer.mean", "mlp.0.weight"} <= set(state)  # by rlctl
    return ForeignPolicy(
        "a PyTorch state dict", arrays, normalized_actions=exported, notes=tuple(notes)
    )


def load(data: bytes) -> tuple[dict[str, np.ndarray], frozenset[str]]:
    """Load all tensors in a file by name; names in nested dicts are joined by dots.

    Returns:
        The tensors, and all top-level names.

    Raises:
        Damaged: A checksum does not match.
        Unsafe: The file names code, or holds more than a policy.
        Incompatible: It is not a dict of tensors, or of an unsupported tool.
        DeviceUnavailable: PyTorch is too old to load it safely.
    """
    numbers = [int(number) for number in re.findall(r"\d+", torch.__version__)[:2]]
    if tuple(numbers) < _NEEDED:
        raise DeviceUnavailable(
            f"reading it safely needs PyTorch 2.10 or newer; {torch.__version__} is installed",
            pip_install("torch>=2.10"),
        )
    # Checksums first, then the names in the pickle; only then is it loaded.
    check_zip(data)
    if tool := _tool(data):
        raise Incompatible(f"it is of {tool}", READ)
    try:
        named = torch.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(data))
    except Exception as error:  # a malformed pickle can raise anything
        raise Unsafe(f"PyTorch cannot list the code it would run: {error}", _ADVICE) from error
    if named:
        raise Unsafe(f"it names {', '.join(sorted(named))}: it holds more than tensors", _ADVICE)
    content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    tensors: dict[str, torch.Tensor] = {}
    _flatten("", content, tensors)
    if not tensors:
        raise Incompatible(f"it is not a dict of tensors, but a {type(content).__name__}", _ADVICE)
    if sum(tensor.numel() for tensor in tensors.values()) > MAX_NUMBERS:
        raise Unsafe(f"its tensors have more than {MAX_NUMBERS:,} numbers", "it is not a policy")
    arrays = {name: _array(name, tensor) for name, tensor in tensors.items()}
    return arrays, frozenset(map(str, content)) if isinstance(content, dict) else frozenset()


def _tool(data: bytes) -> str:
    """Return the unsupported tool that saved the file; "" for none.

    Scans the strings in the pickle without executing it, as some of these files hold more than
    tensors.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        program = archive.read(names[0]) if names else b""
    with suppress(Exception):  # a malformed pickle is reported by the load below
        texts = {str(word) for _, word, _ in pickletools.genops(program) if isinstance(word, str)}
        for tool, mark in _TOOLS.items():
            if any(mark.match(text) for text in texts):
                return tool
    return ""


def check_zip(data: bytes) -> None:
    """Refuse a zip that is damaged or unpacks to too much.

    Raises:
        Damaged: A checksum does not match, or the zip is incomplete.
        Unsafe: It is too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > _MAX_BYTES:
                raise Unsafe(f"it unpacks to {size:,} bytes", "it is not a policy")
            bad = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error) as error:
        raise Damaged(f"it is not a complete zip file: {error}", "copy it again") from error
    if bad is not None:
        raise Damaged(f"{bad} in it has changed: its checksum differs", "copy it again")


def _flatten(prefix: str, item: Any, out: dict[str, torch.Tensor], depth: int = 0) -> None:
    if isinstance(item, torch.Tensor):
        out[prefix] = item
    elif isinstance(item, dict) and depth < 8:
        for key, member in item.items():
            name = str(key)[:200]
            _flatten(f"{prefix}.{name}" if prefix else name, member, out, depth + 1)


def _array(name: str, tensor: torch.Tensor) -> np.ndarray:
    if tensor.layout is not torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
        raise Incompatible(f"its tensor {name} is {tensor.layout} on {tensor.device}", _ADVICE)
    tensor = tensor.detach()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
