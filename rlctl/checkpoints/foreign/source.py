"""Files of another tool's policy: their bytes, digests and detected format.

Reads only regular files of a bounded size; follows no links, runs no code.
"""

import io
import os
import shlex
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

from rlctl.checkpoints import manifest
from rlctl.checkpoints.foreign.base import READ
from rlctl.checkpoints.reading import file_of_run, open_regular
from rlctl.core.checkpoint_names import FOLDER, step_of
from rlctl.core.errors import Damaged, Incompatible, NotFound, RlctlError, Unsafe

STATISTICS = "VecNormalize"  # key of the VecNormalize file of Stable-Baselines3
TREE = "_METADATA"  # Orbax's list of arrays
MAX_BYTES = 2**30
MAX_FILES = 20_000
# Devices of the arrays: not needed, and unreadable for unknown devices.
_UNREAD = ("_sharding",)
_UNFINISHED = "orbax-checkpoint-tmp"
_OLD_PICKLES = (b"c", b"(", b"]", b"}", b"i")  # first bytes of pickles of protocols 0 and 1
_OLD_TORCH = b"\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."


@dataclass(frozen=True)
class Source:
    """Files of one policy.

    Attributes:
        kind: The format, a key of `sandbox_child.READERS`.
        name: Name of the file or folder.
        step: Environment steps trained, if the folder is named after them; else 0.
        files: Name in the folder -> content.
        digests: Name in the folder -> {"bytes", "sha256"}, of all its files.
    """

    kind: str
    name: str
    step: int
    files: dict[str, bytes]
    digests: dict[str, dict[str, object]]


def open_source(path: Path) -> Source:
    """Read a file or folder and detect its format.

    Raises:
        NotFound: It does not exist, or is a folder of several checkpoints.
        Damaged: The checkpoint was never finished.
        Unsafe: It has links, special files, or too much data.
        Incompatible: The format is not supported.
    """
    try:
        if not os.path.lexists(path):
            raise NotFound(f"there is no {path}", "give what the other tool saved")
        if path.is_file() and (own := file_of_run(path)):
            raise own
        held = _folder(path) if path.is_dir() else {path.name: _bytes(path, MAX_BYTES)}
    except (OSError, ValueError) as error:
        raise NotFound(f"{str(path)[:80]} cannot be read: {error}", "check the path") from error
    step, name = 0, path.resolve().name
    if path.is_dir():
        kind, step = "orbax", int(name) if name.isdecimal() and len(name) < 18 else 0
    else:
        kind = _kind(path, held[path.name])
    digests = {file: manifest.file_entry(data) for file, data in sorted(held.items())}
    read = {file: data for file, data in held.items() if file not in _UNREAD}
    return Source(kind, name, step, read, digests)


def with_file(source: Source, path: Path, name: str) -> Source:
    """Return the source with one more file, under the key `name`.

    Raises:
        NotFound, Unsafe: The file cannot be read.
    """
    if not path.is_file():
        raise NotFound(f"there is no file {path}", "give what VecNormalize.save wrote")
    data = _bytes(path, MAX_BYTES)
    digests = source.digests | {name: manifest.file_entry(data)}
    return replace(source, files=source.files | {name: data}, digests=digests)


def newest_checkpoint(path: Path) -> Path | None:
    """Return the newest Orbax checkpoint in a folder, None without any."""
    found = [item for item in path.iterdir() if (item / TREE).is_file()]
    found = [item for item in found if _UNFINISHED not in item.name]
    numbered = [(int(f.name) if f.name.isdecimal() else -1, f.name, f) for f in found]
    return max(numbered)[2] if numbered else None


def _folder(path: Path) -> dict[str, bytes]:
    names = set(os.listdir(path))
    if _UNFINISHED in path.resolve().name:
        raise Damaged(f"{path} is a checkpoint that was never finished", "import an older one")
    if manifest.NAME in names:
        raise Incompatible(f"{path} is a checkpoint of rlctl", "every --ckpt takes it as it is")
    if TREE not in names:
        raise _no_checkpoint(path, names)
    held: dict[str, bytes] = {}
    left = MAX_BYTES
    # os.walk does not follow links to folders; they are refused below as files.
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            file = Path(folder) / name
            if name in folders and not file.is_symlink():
                continue
            if len(held) == MAX_FILES:
                raise Unsafe(f"{path} holds more than {MAX_FILES:,} files", "it is not a policy")
            data = _bytes(file, left)
            left -= len(data)
            held[file.relative_to(path).as_posix()] = data
    return held


def _no_checkpoint(path: Path, names: set[str]) -> RlctlError:
    if not names:
        return NotFound(f"{path} is empty: there is no checkpoint in it")
    if "manifest.ocdbt" in names:
        return Damaged(f"{path}: {TREE} is missing: it was only partly copied", "copy it again")
    if {"config.json", "metrics.jsonl", FOLDER} <= names:
        return Incompatible(f"{path} is a run of rlctl", "every --ckpt takes it as it is")
    if any(step_of(name) is not None for name in names):
        return Incompatible(
            f"{path} holds checkpoints of rlctl", "every --ckpt takes one of them as it is"
        )
    if newest := newest_checkpoint(path):
        return NotFound(
            f"{path} is a folder of checkpoints, not one",
            f"give the newest: rlctl import {shlex.quote(str(newest))}",
        )
    return Incompatible(f"{path} is not a checkpoint that can be imported", READ)


def _bytes(file: Path, max_bytes: int) -> bytes:
    try:
        with open_regular(file) as handle:
            size = os.fstat(handle.fileno()).st_size
            data = handle.read(max_bytes + 1) if size <= max_bytes else b""
    except Unsafe as error:
        raise Unsafe(
            f"{file}: {error.message}", "copy the files that it links to: cp -rL"
        ) from error
    if max(size, len(data)) > max_bytes:
        raise Unsafe(f"{file}: more than {MAX_BYTES / 2**30:.0f} GiB to read", "it is not a policy")
    return data


def _kind(path: Path, data: bytes) -> str:
    _refuse_by_beginning(path, data)
    if data[:1] == b"\x80" or (data[:1] in _OLD_PICKLES and data.endswith(b".")):
        return "pickle"
    if zipfile.is_zipfile(io.BytesIO(data)):
        try:
            names = zipfile.ZipFile(io.BytesIO(data)).namelist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise Damaged(f"{path} is not a complete zip file: {error}", "copy it again") from error
        if "policy.pth" in names or "_stable_baselines3_version" in names:
            return "sb3"
        if any(name.endswith("/constants.pkl") for name in names):
            raise Incompatible(f"{path} is a TorchScript program, not a state dict", READ)
        if any(name.endswith("/data.pkl") for name in names):
            return "torch"
    elif data.startswith(b"PK"):
        raise Damaged(f"{path} is not a complete zip file: its end is missing", "copy it again")
    raise Incompatible(f"{path} is not a policy that can be imported", READ)


def _refuse_by_beginning(path: Path, data: bytes) -> None:
    """Refuse known unsupported formats, with a hint how to convert them."""
    if data.startswith(_OLD_TORCH):
        raise Incompatible(
            f"{path} was saved by a PyTorch older than 1.6, whose files are pickles",
            "load it there and save it again: torch.save(model.state_dict(), FILE)",
        )
    # safetensors: 8 bytes of length, then a JSON header.
    if data[8:10] == b'{"':
        raise Incompatible(
            f"{path} is a safetensors file",
            "save its tensors with PyTorch: torch.save(safetensors.torch.load_file(FILE), OTHER)",
        )
    if data.startswith(b"version https://git-lfs"):
        raise Incompatible(f"{path} is a Git LFS pointer", "fetch it: git lfs pull")
