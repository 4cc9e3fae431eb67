"""Corruption harness: a checkpoint that is damaged and restored repeatedly."""

import random
import shutil
from pathlib import Path

import numpy as np
from checkpoints import manifest_fuzz
from checkpoints.damage import DAMAGE, Damage

from rlctl.checkpoints import manifest
from rlctl.checkpoints.migrations import migrate
from rlctl.checkpoints.reading import Checkpoint, load
from rlctl.core.errors import RlctlError


class CorruptibleCheckpoint:
    """Checkpoint under test; its parent folder has another checkpoint named `other`.

    Args:
        path: Its folder.

    Attributes:
        path: Its folder.
        files: Its files, by name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = {file.name: file.read_bytes() for file in sorted(path.iterdir())}
        self.groups = [Path(name).stem for name in self.files if name != manifest.NAME]
        self._right = load(path, self.groups)

    def restore(self) -> None:
        """Restore the original files."""
        shutil.rmtree(self.path)
        self.path.mkdir()
        for name, data in self.files.items():
            (self.path / name).write_bytes(data)

    def corrupt(self, name: str, file: str, rng: random.Random) -> Damage:
        """Apply one kind of damage, repeated until it changes something."""
        while True:
            self.restore()
            DAMAGE[name].act(self.path / file, rng)
            if DAMAGE[name].code in (0, 5) or self._content() != self.files:
                return DAMAGE[name]

    def check_load(self, code: int) -> str:
        """Load the checkpoint; return what is wrong with the outcome, "" if nothing.

        Args:
            code: The expected exit code, 0 if the content is unchanged.
        """
        try:
            found = load(self.path, self.groups)
        except RlctlError as error:
            if error.exit_code != code:
                return f"exit code {error.exit_code}, not {code}: {error.message}"
            return "" if self.names_file(error.message) else f"no file is named: {error.message}"
        return "" if code == 0 and self._is_same(found) else "accepted"

    def check_manifest_load(self, data: bytes) -> str:
        """Load it with another manifest; a manifest that a save could have written is accepted."""
        self.restore()
        (self.path / manifest.NAME).write_bytes(data)
        try:
            found = load(self.path, self.groups)
        except RlctlError as error:
            return "" if error.exit_code in (4, 5, 6) else f"exit code {error.exit_code}"
        return "" if self._same_arrays(found) else "other arrays"

    def names_file(self, message: str) -> bool:
        """Return whether a message names one of its files."""
        there = {item.name for item in self.path.iterdir()}
        return any(name in message for name in there | set(self.files))

    def _content(self) -> dict[str, bytes]:
        plain = (file for file in self.path.iterdir() if file.is_file())
        found = {file.name: file.read_bytes() for file in plain}
        return found | {item.name: b"" for item in self.path.iterdir() if item.is_dir()}

    def _is_same(self, found: Checkpoint) -> bool:
        return found.manifest == self._right.manifest and self._same_arrays(found)

    def _same_arrays(self, found: Checkpoint) -> bool:
        groups = self._right.groups
        if found.manifest["schema"]["minor"] != self._right.manifest["schema"]["minor"]:
            _, groups = migrate(found.manifest, groups)  # it is read in that schema
        return all(
            held.keys() == found.groups[group].keys()
            and all(_equal(array, found.groups[group][name]) for name, array in held.items())
            for group, held in groups.items()
        )


def forged(checkpoint: CorruptibleCheckpoint, rng: random.Random) -> tuple[str, bytes]:
    """Return a description of a forged manifest, and its bytes."""
    return manifest_fuzz.forged(manifest_fuzz.of(checkpoint.files[manifest.NAME]), rng)


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
