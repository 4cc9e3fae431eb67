"""Malicious checkpoints of rlctl with valid digests."""

import json
import os
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from checkpoints import manifest_fuzz
from hostile import fixtures
from hostile.malicious.case import Case

from rlctl.checkpoints import manifest

COMMANDS = ("inspect-ckpt x", "eval --ckpt x --cpu", "export --format numpy --out p --ckpt x")
GROUPS = ("../x", "/etc/passwd", "a/b", "..", "", "a\0b", "A", "con.", "x" * 65, "é", "./policy")
ALL = (3, 4, 5, 6)


def cases() -> Iterator[Case]:
    """Return all cases."""
    for i, data in enumerate(manifest_fuzz.raw()):
        yield _case(f"JSON {i}", lambda path, d=data: (path / manifest.NAME).write_bytes(d), i, ALL)
    for i, group in enumerate(GROUPS):
        yield _case(f"group {group!r}", lambda path, g=group: _group(path, g), i, (4, 5))
    for i, (name, header) in enumerate(HEADERS.items()):
        yield _case(f"header: {name}", lambda path, h=header: _arrays(path, h), i, (4, 6))
    for i, (name, make) in enumerate(FILES.items()):
        yield _case(f"file: {name}", make, i, (3, 4, 5, 6))
    for i, (name, facts) in enumerate(FACTS.items()):
        yield _case(f"says {name}", lambda path, f=facts: fixtures.reseal(path, f), 3 * i + 1, ALL)


def _case(name: str, change: Callable[[Path], object], i: int, codes: tuple[int, ...]) -> Case:
    def make(place: Path) -> None:
        change(shutil.copytree(fixtures.shipped(), place / "x"))

    return Case(f"checkpoint, {name}", make, COMMANDS[i % 3], codes)


def _group(path: Path, group: str) -> None:
    held = manifest.salvage((path / manifest.NAME).read_bytes())
    arrays, files = held["arrays"]["policy"], held["files"]["policy.safetensors"]
    fixtures.reseal(path, {"arrays": {group: arrays}, "files": {f"{group}.safetensors": files}})


def _arrays(path: Path, header: bytes) -> None:
    """Replace arrays and renew their digests."""
    (path / "policy.safetensors").write_bytes(header)
    fixtures.reseal(path, {"files": {"policy.safetensors": manifest.file_entry(header)}})


def _tensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def _one(shape: list[int], ends: list[int], dtype: str = "F32") -> dict[str, Any]:
    return {"normalizer/mean": {"dtype": dtype, "shape": shape, "data_offsets": ends}}


HEADERS = {
    "endless": _tensors({}, length=2**63),
    "4 GB": _tensors({}, length=2**32),
    "99 MB of it missing": _tensors({}, length=99 * 10**6),
    "none": b"",
    "short": b"\x01",
    "no JSON": _tensors(b"\xff\xfe"),
    "deep": _tensors(b"[" * 100_000),
    "deep objects": _tensors(b'{"a":' * 50_000),
    "giant shape": _tensors(_one([2**40, 2**40], [0, 12]), bytes(12)),
    "overflowing shape": _tensors(_one([2**32, 2**32], [0, 0])),
    "negative shape": _tensors(_one([-1], [0, 4]), bytes(4)),
    "overlapping": _tensors(_one([3], [0, 12]) | {"x": _one([3], [4, 16])["normalizer/mean"]},
    bytes(16)),
    "backwards": _tensors(_one([3], [12, 0]), bytes(12)),
    "beyond the end": _tensors(_one([3], [10**9, 10**9 + 12]), bytes(12)),
    "holes": _tensors(_one([3], [100, 112]), bytes(112)),
    "odd kind": _tensors(_one([3], [0, 12], "OBJ"), bytes(12)),
    "bfloat16": _tensors(_one([6], [0, 12], "BF16"), bytes(12)),
    "twice": _tensors(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32",'
                      b'"shape":[1],"data_offsets":[0,4]}}', bytes(4)),
    "a million names": _tensors({f"{i}": _one([0], [0,
    0])["normalizer/mean"] for i in range(10**5)}),
}  # fmt: skip


def _instead(name: str, make: Callable[[Path], object]) -> Callable[[Path], object]:
    def act(path: Path) -> None:
        (path / name).unlink()
        make(path / name)

    return act


def _device(file: Path) -> None:
    try:
        os.mknod(file, 0o20644, os.makedev(1, 5))  # as /dev/zero
    except PermissionError:
        file.symlink_to("/dev/zero")


def _sparse(size: int) -> Callable[[Path], object]:
    def act(path: Path) -> None:
        with open(path / "policy.safetensors", "ab") as file:
            file.truncate(size)
        entry = {"bytes": size, "sha256": "0" * 64}
        fixtures.reseal(path, {"files": {"policy.safetensors": entry}})

    return act


def _large(path: Path) -> None:
    with open(path / manifest.NAME, "ab") as file:
        file.truncate(2**40)


def _loop(path: Path) -> None:
    shutil.rmtree(path)
    path.symlink_to("x")


ARRAYS = "policy.safetensors"
FILES: dict[str, Callable[[Path], object]] = {
    "arrays that are a password": _instead(ARRAYS, lambda file: file.symlink_to("/etc/shadow")),
    "a manifest that is a password": _instead(manifest.NAME, lambda f: f.symlink_to("/etc/passwd")),
    "a manifest that never ends": _instead(manifest.NAME, lambda f: f.symlink_to("/dev/zero")),
    "arrays that never come": _instead(ARRAYS, os.mkfifo),
    "a manifest that never comes": _instead(manifest.NAME, os.mkfifo),
    "arrays that are a device": _instead(ARRAYS, _device),
    "a manifest that is a device": _instead(manifest.NAME, _device),
    "a terabyte of arrays": _sparse(2**40),
    "six gigabytes of arrays": _sparse(6 * 2**30),
    "a terabyte of manifest": _large,
    "links in a ring": _loop,
    "a program beside it": lambda path: (path / "sitecustomize.py").write_text(
        "open('canary', 'w')"
    ),
    "a folder for a manifest": _instead(manifest.NAME, Path.mkdir),
}
_SPEC = {"id": "pendulum", "observation": [], "action": [], "control_dt": 0.02, "substeps": 1,
         "episode_length": 10}  # fmt: skip
_ENV = {"config": {}, "spec": _SPEC}
FACTS: dict[str, dict[str, Any]] = {
    "that it is of a module": {"env": {**_ENV, "id": "gym:evil:X-v0"}},
    "that it is of a module in a folder": {"env": {**_ENV, "id": "gym:x.evil:X-v0"}},
    "that it is of a path": {"env": {**_ENV, "id": "../../evil"}},
    "that it is of no environment": {"env": {**_ENV, "id": "evil"}},
    "an empty name": {"env": {**_ENV, "id": ""}},
    "that settings are code": {
        "env": {**_ENV, "id": "pendulum", "config": {"x": "__import__('os')"}}
    },
    "that settings are deep": {
        "env": {**_ENV, "id": "pendulum", "config": {"start_angle": {"a": {}}}}
    },
    "a module's keyword": {
        "env": {**_ENV, "id": "gym:CartPole-v1", "config": {"render_mode": "human"}}
    },
    "a file of its own": {
        "env": {**_ENV, "id": "gym:Ant-v5", "config": {"xml_file": "/etc/passwd"}}
    },
    "a giant layer": {"policy": {"observation_size": 2**62}},
    "that there are no layers": {"policy": {}},
}
