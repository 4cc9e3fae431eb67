"""PyTorch's state dicts, by PyTorch's own reader of weights alone.

PyTorch writes a checksum of every file in its zip and never looks at it, so Python's zipfile does.
"""

import io
import re
import zipfile
from typing import Any

import numpy as np
import torch

from rlctl.checkpoints.foreign import state_dict
from rlctl.checkpoints.foreign.base import MAX_NUMBERS, Foreign
from rlctl.core.errors import Damaged, DeviceUnavailable, Incompatible, Unsafe, pip_install

_NEEDED = (2, 10)  # older ones have holes in weights_only: CVE-2025-32434, CVE-2026-24747
_MAX_BYTES = 2**30  # unpacked
_ADVICE = (
    "nothing of it was run; where it comes from, write the numbers alone: "
    "torch.save(model.state_dict(), FILE)"
)


def read(files: dict[str, bytes]) -> Foreign:
    """The policy in a file; see `child.READERS`."""
    (data,) = files.values()
    state = load(data)
    arrays, notes = state_dict.arrays_of(state)
    exported = {"normalizer.mean", "mlp.0.weight"} <= set(state)  # by rlctl
    return Foreign("a PyTorch state dict", arrays, unit=exported, notes=tuple(notes))


def load(data: bytes) -> dict[str, np.ndarray]:
    """All tensors in a file by their names, those of a dict in a dict joined by dots.

    Raises:
        Damaged: A byte is not the one written.
        Unsafe: It names code, or holds more than a policy.
        Incompatible: It is no dict of tensors.
        DeviceUnavailable: PyTorch is too old to be trusted with it.
    """
    numbers = [int(number) for number in re.findall(r"\d+", torch.__version__)[:2]]
    if tuple(numbers) < _NEEDED:
        raise DeviceUnavailable(
            f"reading it safely needs PyTorch 2.10 or newer, here is {torch.__version__}",
            pip_install("torch>=2.10"),
        )
    check_zip(data)
    try:
        named = torch.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(data))
    except Exception as error:  # whatever a nonsensical program runs into
        raise Unsafe(f"PyTorch cannot tell what it would run: {error}", _ADVICE) from error
    if named:
        raise Unsafe(f"it names {', '.join(sorted(named))}: it holds more than numbers", _ADVICE)
    content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    tensors: dict[str, torch.Tensor] = {}
    _flatten("", content, tensors)
    if not tensors:
        raise Incompatible(f"it holds no tensors by name, but a {type(content).__name__}", _ADVICE)
    if sum(tensor.numel() for tensor in tensors.values()) > MAX_NUMBERS:
        raise Unsafe(f"its tensors have more than {MAX_NUMBERS:,} numbers", "it is no policy")
    return {name: _array(name, tensor) for name, tensor in tensors.items()}


def check_zip(data: bytes) -> None:
    """Refuse a zip whose files are not as they were written, or are too much.

    Raises:
        Damaged, Unsafe: It is one.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > _MAX_BYTES:
                raise Unsafe(f"it unpacks to {size:,} bytes", "it is no policy")
            bad = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError, zipfile.zlib.error) as error:
        raise Damaged(f"it is no whole zip file: {error}", "copy it again") from error
    if bad is not None:
        raise Damaged(f"{bad} in it is not what was written", "copy it again")


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
