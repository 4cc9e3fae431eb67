"""Verified reading of checkpoints.

Every file must be a regular file in the folder, with the size and the digest in the manifest; only
then are the same bytes parsed. The folder must contain the listed files and no others.
"""

import hashlib
import os
import shlex
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from rlctl import catalog
from rlctl.checkpoints import arrays, manifest
from rlctl.checkpoints.arrays import Arrays
from rlctl.checkpoints.migrations import migrate
from rlctl.core.checkpoint_names import FOLDER, step_of, steps
from rlctl.core.errors import Damaged, Incompatible, NotFound, RlctlError, Unsafe
from rlctl.core.specs import EnvSpec, PolicySpec

UNFINISHED = (".tmp-", ".del-")  # prefixes of half-written and half-deleted folders
_OTHER_HINT = "use another checkpoint of the run (RUN@STEP), or leave --ckpt out"
_FOREIGN = {
    "ppo_network_config.json": "Brax",
    "_METADATA": "Orbax",
    "_CHECKPOINT_METADATA": "Orbax",
    "manifest.ocdbt": "Orbax",
    ".metadata": "PyTorch's distributed checkpoints",
    "saved_model.pb": "TensorFlow",
}
_HINTS = ("latest", "best")  # files among a run's checkpoints
_FILES_OF_RUN = {  # name -> description
    "latest": "which names the newest checkpoint",
    "best": "which names the best checkpoint",
    "config.json": "its settings",
    "metrics.jsonl": "its metrics",
    "lock": "its lock",
    "plot.png": "its plot",
}
MAX_BYTES = 2**32  # of an array file: far more than ten thousand environments need
_IMPORTED = ("Brax", "Orbax")


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint.

    Attributes:
        path: Its folder.
        manifest: The manifest, including `schema`, `arrays` and `files`.
        groups: Group -> name -> array, for the requested groups.
    """

    path: Path
    manifest: dict[str, Any]
    groups: dict[str, Arrays]

    @property
    def step(self) -> int:
        """Environment steps at the time of the save."""
        return self.manifest["step"]

    @cached_property
    def env(self) -> EnvSpec:
        """Spec of its environment.

        Raises:
            Incompatible: The spec is missing or invalid.
        """
        try:
            return EnvSpec.from_json(self.manifest["env"]["spec"])
        except (KeyError, ValueError) as error:
            raise Incompatible(
                f"{self.path} has no valid environment spec: {error}",
                "train with this version of rlctl, or use the one that wrote it",
            ) from error

    @cached_property
    def policy(self) -> PolicySpec:
        """Spec of its policy.

        Raises:
            Incompatible: The spec is missing, invalid, or of a kind that is not installed.
        """
        try:
            return catalog.policy_spec(self.manifest["policy"])
        except (KeyError, ValueError) as error:
            raise Incompatible(
                f"{self.path} describes no policy that this rlctl knows: {error}",
                "install the rlctl version that wrote it",
            ) from error


@dataclass
class Examination:
    """Readable content and faults of a checkpoint that may be damaged.

    Attributes:
        manifest: What could be parsed of the manifest; {} if nothing.
        groups: The arrays of the intact files.
        faults: File name -> error; empty for an intact checkpoint.
    """

    manifest: dict[str, Any]
    groups: dict[str, Arrays] = field(default_factory=dict)
    faults: dict[str, RlctlError] = field(default_factory=dict)

    def check(self) -> None:
        """Raise the first fault, if there is one."""
        for error in self.faults.values():
            raise error


def load(path: Path | str, groups: Collection[str] = ("policy",)) -> Checkpoint:
    """Verify a whole checkpoint and read some groups of arrays.

    Args:
        path: The checkpoint's folder.
        groups: The groups to return; a checkpoint has `policy`, `train` and `envs`.

    Raises:
        NotFound: The folder does not exist, is empty, or is not readable.
        Damaged: A file is missing, changed, unexpected or half written; the message names it.
        Incompatible: It is another tool's, of a newer schema, or lacks a requested group.
        Unsafe: It has links, special files, or names that point outside its folder.
    """
    path = Path(path)
    check_folder(path)
    examination = examine(path, groups)
    examination.check()
    for group in groups:
        if group not in examination.groups:
            raise Incompatible(
                f"{path} has no {group} arrays, only {', '.join(examination.manifest['arrays'])}",
                "it can be evaluated, rendered, or used with --init-from",
            )
    return Checkpoint(path, *migrate(examination.manifest, examination.groups))


def check_folder(path: Path) -> None:
    """Check by file names that a folder may be a checkpoint.

    Raises:
        NotFound, Damaged, Incompatible: It cannot be one; see `load`.
    """
    if not path.exists():
        raise NotFound(f"there is no checkpoint {path}", "see `ls runs`, or leave --ckpt out")
    if not path.is_dir():
        raise _no_folder(path)
    if path.name.startswith(UNFINISHED):
        raise Damaged(f"{path} is a checkpoint that was never finished", _OTHER_HINT)
    try:
        names = set(os.listdir(path))
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from error
    if manifest.NAME in names:
        return
    for marker, tool in _FOREIGN.items():
        if marker in names:
            raise Incompatible(
                f"{path} is a checkpoint of {tool} (it has {marker}), not of rlctl",
                import_hint(path)
                if tool in _IMPORTED
                else "export its policy as a state dict there",
            )
    if not names and step_of(path.name) is None:
        raise NotFound(f"{path} is empty: there is no checkpoint in it", "rlctl train ENV")


def _no_folder(path: Path) -> Damaged | Incompatible:
    """Return the error for a file given instead of a checkpoint's folder."""
    if step_of(path.name) is not None:
        return Damaged(f"{path} is a file; a checkpoint is a folder", _OTHER_HINT)
    return file_of_run(path) or Incompatible(
        f"{path} is a file; a checkpoint of rlctl is a folder", import_hint(path)
    )


def file_of_run(path: Path) -> Incompatible | None:
    """Return the error for a file that belongs to a run or checkpoint; None for other files."""
    parent = path.absolute().parent
    own = path.name == manifest.NAME or manifest.is_file_name(path.name)
    if own and (step_of(parent.name) is not None or (parent / manifest.NAME).exists()):
        return Incompatible(
            f"{path} is a file of a checkpoint, which is a folder",
            f"name its folder: {path.parent}",
        )
    what = _FILES_OF_RUN.get(path.name)
    folder = parent if path.name in _HINTS else parent / FOLDER
    saved = steps(folder)
    if what is None or not (saved or (parent / "metrics.jsonl").is_file()):
        return None
    run = folder.parent if folder.name == FOLDER else folder
    shown = run if path.is_absolute() else Path(os.path.relpath(run))
    listed = ", ".join(map(str, saved[-8:])) + f", and {len(saved) - 8} older" * (len(saved) > 8)
    return Incompatible(
        f"{path} is a file of the run {shown} ({what}), not a checkpoint; the run has "
        + (f"steps {listed}" if saved else "no checkpoint yet"),
        f"name the run: {shown}"
        + f", or a step of it: {shown}@{saved[-1]}" * bool(saved and run != folder),
    )


def import_hint(path: Path) -> str:
    """Return the hint for a file or folder that another tool may have saved."""
    return f"if another tool saved it: rlctl import {shlex.quote(str(path))} --out DIR"


def examine(path: Path, groups: Collection[str]) -> Examination:
    """Examine a checkpoint's folder: read what is intact, collect the faults."""
    examination = _examine_manifest(path)
    # Without valid listings there are no digests to verify the other files with.
    if not manifest.is_complete(examination.manifest):
        return examination
    for group, listing in examination.manifest["arrays"].items():
        file = manifest.file_of(group)
        try:
            data = _verified_bytes(
                path / file, examination.manifest["files"][file], group in groups
            )
            if group in groups:
                examination.groups[group] = arrays.decode(data, listing, file)
        except RlctlError as error:
            examination.faults[file] = _with_path(error, path)
    try:
        names = set(os.listdir(path))
    except FileNotFoundError:  # pruned by a running training
        examination.faults[manifest.NAME] = NotFound(
            f"{path} was deleted while it was read", _OTHER_HINT
        )
        return examination
    for extra in sorted(names - {manifest.NAME, *examination.manifest["files"]}):
        error = Damaged(f"{extra} does not belong to it", "move that file elsewhere")
        examination.faults[extra] = _with_path(error, path)
    return examination


def looks_like_checkpoint(path: Path) -> bool:
    """Return whether the path itself is a checkpoint, intact or not, not a folder of them."""
    named = step_of(path.name) is not None or path.name.startswith(UNFINISHED)
    if named or not path.is_dir():
        return True
    try:
        names = set(os.listdir(path))
    except OSError:
        return True  # reading it reports the reason
    return bool(names & {manifest.NAME, *_FOREIGN}) or any(map(manifest.is_file_name, names))


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest of a checkpoint, verified by its digest; reads no other file.

    Raises:
        Damaged, Unsafe, Incompatible: See `load`.
    """
    content = manifest.decode(_manifest_bytes(path))
    if step_of(path.name) not in (None, content["step"]):
        raise Damaged(
            f"{manifest.NAME} is of step {content['step']}, but the folder's name has another step"
        )
    return content


def _examine_manifest(path: Path) -> Examination:
    try:
        return Examination(read_manifest(path))
    except RlctlError as error:
        fault = {manifest.NAME: _with_path(error, path)}
    try:
        return Examination(manifest.salvage(_manifest_bytes(path)), faults=fault)
    except RlctlError:
        return Examination({}, faults=fault)


def _manifest_bytes(path: Path) -> bytes:
    file = path / manifest.NAME
    if not os.path.lexists(file):
        raise Damaged(
            f"{manifest.NAME} is missing: the checkpoint was never finished, or only partly copied"
        )
    with open_regular(file) as handle:
        # One byte more than allowed, so that an oversized file is detected.
        data = handle.read(manifest.MAX_BYTES + 1)
    if len(data) > manifest.MAX_BYTES:
        raise Unsafe(f"{manifest.NAME} is larger than {manifest.MAX_BYTES} bytes")
    return data


def _verified_bytes(file: Path, expected: dict[str, Any], wanted: bool) -> bytes:
    """Verify a file's size and digest; return its bytes if `wanted`, else b""."""
    with open_regular(file) as handle:
        size = os.fstat(handle.fileno()).st_size
        if size != expected["bytes"]:
            raise Damaged(f"{file.name} has {size} bytes, {expected['bytes']} were written")
        if size > MAX_BYTES:
            raise Unsafe(f"{file.name} is larger than {MAX_BYTES} bytes")
        # Hashes the bytes that are returned: the file is not read a second time.
        data = handle.read() if wanted else b""
        digest = hashlib.sha256(data) if wanted else hashlib.file_digest(handle, "sha256")
    if digest.hexdigest() != expected["sha256"]:
        raise Damaged(f"{file.name} has changed since it was written: its digest differs")
    return data


def open_regular(file: Path) -> Any:
    """Open a regular file for reading; never follows links or blocks on pipes."""
    try:
        # lstat allows a specific error; O_NOFOLLOW and O_NONBLOCK cover a later replacement.
        mode = os.lstat(file).st_mode
        if stat.S_ISDIR(mode):
            raise Damaged(f"{file.name} is a folder")
        if not stat.S_ISREG(mode):
            kind = "a link" if stat.S_ISLNK(mode) else "a special file"
            raise Unsafe(f"{file.name} is {kind}; a checkpoint holds regular files only")
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        return os.fdopen(os.open(file, flags | getattr(os, "O_NONBLOCK", 0)), "rb")
    except FileNotFoundError as error:
        raise Damaged(f"{file.name} is missing") from error
    except PermissionError as error:
        raise NotFound(f"{file.name} cannot be read: {error.strerror}") from error
    except OSError as error:
        raise Damaged(f"{file.name} cannot be read: {error.strerror}") from error


def _with_path(error: RlctlError, path: Path) -> RlctlError:
    """Return the same error with the checkpoint's path and a hint."""
    return type(error)(f"{path}: {error.message}", error.hint or _OTHER_HINT)
