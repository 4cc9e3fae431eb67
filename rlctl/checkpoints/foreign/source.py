"""A policy of another tool as it lies on the disk: its bytes, their digests, what they seem to be.

Nothing is followed, waited for or run here: regular files alone, of a bounded size.
"""

import io
import os
import shlex
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

from rlctl.checkpoints import manifest
from rlctl.checkpoints.foreign.base import READ
from rlctl.checkpoints.reading import STEP_NAME, file_of_run, open_regular
from rlctl.core.errors import Damaged, Incompatible, NotFound, RlctlError, Unsafe

STATISTICS = "VecNormalize"  # the file of Stable-Baselines3's VecNormalize, among those to be read
TREE = "_METADATA"  # Orbax's list of arrays
MAX_BYTES = 2**30
MAX_FILES = 20_000
_UNREAD = (
    "_sharding",
)  # which devices arrays were on: of no use here, and odd ones cannot be read
_UNFINISHED = "orbax-checkpoint-tmp"
_OLD_PICKLES = (b"c", b"(", b"]", b"}", b"i")  # how those of before 2003 may begin
_OLD_TORCH = b"\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."


@dataclass(frozen=True)
class Source:
    """Files to be read.

    Attributes:
        kind: A key of `child.READERS`.
        name: Of the file or folder.
        step: Environment steps trained, as far as the folder's name tells; else 0.
        files: Name in the folder -> content.
        digests: Name in the folder -> {"bytes", "sha256"}, of all its files.
    """

    kind: str
    name: str
    step: int
    files: dict[str, bytes]
    digests: dict[str, dict[str, object]]


def look(path: Path) -> Source:
    """Read all of a file or folder.

    Raises:
        NotFound: There is nothing, or a folder of checkpoints rather than one.
        Damaged: It was never finished.
        Unsafe: It holds links or special files, or too much.
        Incompatible: It is nothing that can be imported.
    """
    try:
        if not os.path.lexists(path):
            raise NotFound(f"there is no {path}", "give what the other tool saved")
        if path.is_file() and (own := file_of_run(path)):
            raise own
        held = _folder(path) if path.is_dir() else {path.name: _bytes(path, MAX_BYTES)}
    except (OSError, ValueError) as error:
        raise NotFound(f"{str(path)[:80]} must not be read: {error}", "check the path") from error
    step, name = 0, path.resolve().name
    if path.is_dir():
        kind, step = "orbax", int(name) if name.isdecimal() and len(name) < 18 else 0
    else:
        kind = _kind(path, held[path.name])
    digests = {file: manifest.file_entry(data) for file, data in sorted(held.items())}
    read = {file: data for file, data in held.items() if file not in _UNREAD}
    return Source(kind, name, step, read, digests)


def beside(source: Source, path: Path, name: str) -> Source:
    """The same source with one more file, read under `name`.

    Raises:
        NotFound, Unsafe: It cannot be read.
    """
    if not path.is_file():
        raise NotFound(f"there is no file {path}", "give what VecNormalize.save wrote")
    data = _bytes(path, MAX_BYTES)
    digests = source.digests | {name: manifest.file_entry(data)}
    return replace(source, files=source.files | {name: data}, digests=digests)


def one_of(path: Path) -> Path | None:
    """The newest of the checkpoints in a folder of them, None if it is no such folder."""
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
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            file = Path(folder) / name
            if name in folders and not file.is_symlink():
                continue
            if len(held) == MAX_FILES:
                raise Unsafe(f"{path} holds more than {MAX_FILES:,} files", "it is no policy")
            data = _bytes(file, left)
            left -= len(data)
            held[file.relative_to(path).as_posix()] = data
    return held


def _no_checkpoint(path: Path, names: set[str]) -> RlctlError:
    if not names:
        return NotFound(f"{path} is empty: there is no checkpoint in it")
    if "manifest.ocdbt" in names:
        return Damaged(f"{path}: {TREE} is missing: it was only partly copied", "copy it again")
    if {"config.json", "metrics.jsonl", "checkpoints"} <= names:
        return Incompatible(f"{path} is a run of rlctl", "every --ckpt takes it as it is")
    if any(STEP_NAME.fullmatch(name) for name in names):
        return Incompatible(
            f"{path} holds checkpoints of rlctl", "every --ckpt takes one of them as it is"
        )
    if newest := one_of(path):
        return NotFound(
            f"{path} is a folder of checkpoints, not one",
            f"give the newest: rlctl import {shlex.quote(str(newest))}",
        )
    return Incompatible(f"{path} is no checkpoint that can be imported", READ)


def _bytes(file: Path, most: int) -> bytes:
    try:
        with open_regular(file) as handle:
            size = os.fstat(handle.fileno()).st_size
            data = handle.read(most + 1) if size <= most else b""
    except Unsafe as error:
        raise Unsafe(
            f"{file}: {error.message}", "copy what it stands for: cp -rL makes files of links"
        ) from error
    if max(size, len(data)) > most:
        raise Unsafe(f"{file}: more than {MAX_BYTES / 2**30:.0f} GiB to read", "it is no policy")
    return data


def _kind(path: Path, data: bytes) -> str:
    _refuse_by_beginning(path, data)
    if data[:1] == b"\x80" or (data[:1] in _OLD_PICKLES and data.endswith(b".")):
        return "pickle"
    if zipfile.is_zipfile(io.BytesIO(data)):
        try:
            names = zipfile.ZipFile(io.BytesIO(data)).namelist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise Damaged(f"{path} is no whole zip file: {error}", "copy it again") from error
        if "policy.pth" in names or "_stable_baselines3_version" in names:
            return "sb3"
        if any(name.endswith("/constants.pkl") for name in names):
            raise Incompatible(f"{path} is a program of TorchScript, not a state dict", READ)
        if any(name.endswith("/data.pkl") for name in names):
            return "torch"
    elif data.startswith(b"PK"):
        raise Damaged(f"{path} is no whole zip file: its end is missing", "copy it again")
    raise Incompatible(f"{path} is no policy that can be imported", READ)


def _refuse_by_beginning(path: Path, data: bytes) -> None:
    """Say how to make a file readable that is of a known other kind."""
    if data.startswith(_OLD_TORCH):
        raise Incompatible(
            f"{path} was saved by a PyTorch older than 1.6, whose files are pickles",
            "load it there and save it again: torch.save(model.state_dict(), FILE)",
        )
    if data[8:10] == b'{"':
        raise Incompatible(
            f"{path} is a file of safetensors",
            "save its tensors with PyTorch: torch.save(safetensors.torch.load_file(FILE), OTHER)",
        )
    if data.startswith(b"version https://git-lfs"):
        raise Incompatible(f"{path} stands for a file in Git LFS", "fetch it: git lfs pull")
