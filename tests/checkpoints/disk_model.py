"""Model of a disk: the possible contents after a kill or a power loss.

A killed process leaves everything it wrote. A power loss keeps of a file what was written before
its last fsync, and later data fully, partly or as zeros; of a folder the names at its last fsync,
and any subset of the later changes. A rename within a folder is atomic; one between folders may
reach only one of them.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

Tree = dict[str, Any]  # name -> Tree or bytes
RunResult = list[tuple[Any, ...]]
FATES = ("old", "empty", "zeros", "half", "new")


@dataclass(eq=False)
class File:
    """File: current data, and data at the last fsync."""

    data: bytes = b""
    synced: bytes = b""

    def sync(self) -> None:
        self.synced = self.data

    def tree(self, keeps: Callable[[], bool], fate: Callable[[], str]) -> bytes:
        """Return possible data after a power loss."""
        if self.data == self.synced:
            return self.data
        kept = self.synced if self.data.startswith(self.synced) else b""
        new = self.data[len(kept) :]
        return {
            "old": self.synced,
            "empty": kept,
            "zeros": kept + bytes(len(new)),
            "half": kept + new[: len(new) // 2],
            "new": self.data,
        }[fate()]


@dataclass(eq=False)
class Folder:
    """Folder: names now, names at the last fsync, and the changes since."""

    names: dict[str, Any] = field(default_factory=dict)
    synced: dict[str, Any] = field(default_factory=dict)
    changes: list[dict[str, Any]] = field(default_factory=list)

    def change(self, names: dict[str, Any]) -> None:
        """Apply several name changes atomically; None removes a name."""
        self.changes.append(names)
        _apply(self.names, names)

    def sync(self) -> None:
        self.synced, self.changes = dict(self.names), []

    def tree(self, keeps: Callable[[], bool], fate: Callable[[], str]) -> Tree:
        """Return possible content after a power loss."""
        names = dict(self.synced)
        for change in self.changes:
            if keeps():
                _apply(names, change)
        return {name: node.tree(keeps, fate) for name, node in names.items()}


class Disk:
    """Folder on a disk, initially durable.

    Args:
        before: Its content, as returned by `read`.
    """

    def __init__(self, before: Tree) -> None:
        self.root = _node(before)
        self._open: dict[int, Any] = {}

    def do(self, name: str, *args: Any) -> None:
        """Apply an operation recorded by `faulty_os.System`."""
        getattr(self, f"_do_{name}")(*args)

    def now(self) -> Tree:
        """Return the content after a kill."""
        return self.root.tree(lambda: True, lambda: "new")

    def after_power_cut(self, chance: Random) -> Tree:
        """Sample a content after a power loss: one fate for all files, or one each."""
        kept, fate = chance.choice((0.0, 0.2, 0.5, 0.8, 1.0)), chance.choice((None, *FATES))
        return self.root.tree(lambda: chance.random() < kept, lambda: fate or chance.choice(FATES))

    def _do_note(self, step: int) -> None:
        pass

    def _do_open(self, path: str, flags: int, descriptor: int) -> None:
        folder, name = self._place(path)
        if flags & os.O_CREAT and name not in folder.names:
            folder.change({name: File()})
        node = self._open[descriptor] = folder.names[name] if name else self.root
        if flags & os.O_TRUNC:
            node.data = b""

    def _do_write(self, descriptor: int, data: bytes) -> None:
        self._open[descriptor].data += data

    def _do_ftruncate(self, descriptor: int, size: int) -> None:
        self._open[descriptor].data = self._open[descriptor].data[:size]

    def _do_fsync(self, descriptor: int) -> None:
        self._open[descriptor].sync()

    def _do_close(self, descriptor: int) -> None:
        del self._open[descriptor]

    def _do_mkdir(self, path: str) -> None:
        folder, name = self._place(path)
        folder.change({name: Folder()})

    def _do_rename(self, old: str, new: str) -> None:
        (source, was), (target, name) = self._place(old), self._place(new)
        if source is target:
            source.change({was: None, name: source.names[was]})
        else:
            target.change({name: source.names[was]})
            source.change({was: None})

    def _do_unlink(self, path: str) -> None:
        folder, name = self._place(path)
        folder.change({name: None})

    _do_rmdir = _do_unlink

    def _place(self, path: str) -> tuple[Folder, str]:
        """Return the parent folder and the name in it, "" for the root."""
        parts = Path(path).parts
        folder = self.root
        for part in parts[:-1]:
            folder = folder.names[part]
        return folder, parts[-1] if parts else ""


def read(folder: Path) -> Tree:
    """Return the content of a folder."""
    return {
        path.name: read(path) if path.is_dir() else path.read_bytes() for path in folder.iterdir()
    }


def write(tree: Tree, folder: Path) -> Path:
    """Create a folder with this content."""
    folder.mkdir()
    for name, item in tree.items():
        if isinstance(item, bytes):
            (folder / name).write_bytes(item)
        else:
            write(item, folder / name)
    return folder


def _node(tree: Tree | bytes) -> File | Folder:
    if isinstance(tree, bytes):
        return File(tree, tree)
    names = {name: _node(item) for name, item in tree.items()}
    return Folder(names, dict(names))


def _apply(names: dict[str, Any], change: dict[str, Any]) -> None:
    for name, thing in change.items():
        if thing is None:
            names.pop(name, None)
        else:
            names[name] = thing
