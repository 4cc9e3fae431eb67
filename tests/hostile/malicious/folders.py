"""Malicious folders of Brax's PPO: links, special files, too much data."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from checkpoints.foreign_cases import source
from hostile.malicious.case import Case

DEEP = "[" * 100_000 + "]" * 100_000
CONFIGS = [  # whole, or with CONFIG for what was there
    "", "[]", "null", "{", DEEP, '{"a":' * 5000 + "1" + "}" * 5000, '{"x": NaN}', '{"x": 1e999}',
    '{"x": ' + "9" * 5000 + "}", '{"x": 1, "x": 2}', '{"network_factory_kwargs": []}',
    '{"network_factory_kwargs": {"activation": ["x"]}}',
    '{"network_factory_kwargs": {"activation": {}}}',
    '{"network_factory_kwargs": {"policy_obs_key": [1]}}',
    '{"network_factory_kwargs": {"layer_norm": {}}}',
    '{"network_factory_kwargs": {"activation": "__import__(\'os\').system(\'touch canary\')"}}',
    '{"network_factory_kwargs": 5}', "\ufeff{}", '"' + "x" * 10**6 + '"',
]  # fmt: skip
METADATA: dict[str, Callable[[str], str]] = {
    "dot dot": lambda text: text.replace('"key": "mean"', '"key": "../../x"'),
    "absolute": lambda text: text.replace('"key": "mean"', '"key": "/etc/passwd"'),
    "an empty key": lambda text: text.replace('"key": "mean"', '"key": ""'),
    "a number": lambda text: text.replace('"key": "mean"', '"key": 5'),
    "a list": lambda text: text.replace('"key": "mean"', '"key": ["mean"]'),
    "deep": lambda text: DEEP,
    "a million arrays": lambda text: text.replace("{", '{"x": [' + "1," * 10**6 + "1],", 1),
    "no arrays": lambda text: '{"tree_metadata": {}}',
    "odd arrays": lambda text: '{"tree_metadata": {"x": 5}}',
    "null": lambda text: "null",
    "not text": lambda text: "\udcff",
}
SHAPES = ["[1000000000000]", "[-1]", "[0]", "[1e9]", "[9223372036854775807]", '["3"]', "{}", "null",
          "[" + "1," * 1000 + "1]", "[4294967296, 4294967296]"]  # fmt: skip
ODD = [
    ("compressor", '{"id": "blosc", "cname": "x"}'), ("compressor", '{"id": "nothing"}'),
    ("dtype", '"|O"'), ("dtype", '"<f8"'), ("fill_value", '"NaN"'), ("order", '"X"'),
    ("filters", '[{"id": "pickle"}]'), ("zarr_format", "9"),
]  # fmt: skip


def cases() -> Iterator[Case]:
    """Return all cases."""
    for i, text in enumerate(CONFIGS):
        yield _case(f"config {i}: {text[:50]}", "ppo_network_config.json", lambda _, t=text: t)
    for name, change in METADATA.items():
        yield _case(f"metadata: {name}", "_METADATA", change)
    for text in SHAPES:
        for member in ("shape", "chunks"):
            yield _case(
                f"{member} {text[:30]}",
                "0.mean/.zarray",
                lambda old, t=text, m=member: _with(old, m, t),
            )
    for member, value in ODD:
        yield _case(
            f"{member} {value}", "0.mean/.zarray", lambda old, m=member, v=value: _with(old, m, v)
        )
    for name, make in LINKS.items():
        codes = (0,) if name == "deep" else (3, 4, 5, 6)  # deep is odd, and does no harm
        yield Case(f"folder: {name}", make, "import 1 --env pendulum --out made", codes)


def _case(name: str, file: str, change: Callable[[str], str]) -> Case:
    def make(place: Path) -> None:
        folder = shutil.copytree(source("brax_zarr"), place / "1")
        text = change((folder / file).read_text())
        (folder / file).write_bytes(text.encode(errors="surrogateescape"))

    return Case(f"folder, {name}", make, "import 1 --env pendulum --out made", (0, 4, 5, 6))


def _with(old: str, member: str, value: str) -> str:
    held = json.loads(old)
    held[member] = "HERE"
    return json.dumps(held).replace('"HERE"', value)


def _copied(place: Path) -> Path:
    return shutil.copytree(source("brax_flat"), place / "1")


def _many(place: Path) -> None:
    folder = _copied(place)
    for i in range(20_001):
        (folder / f"x{i}").touch()


def _sparse(place: Path) -> None:
    with open(_copied(place) / "big", "wb") as file:
        file.truncate(2**40)


def _deep(place: Path) -> None:
    folder = _copied(place)
    for _ in range(300):
        folder = folder / "deeper"
        folder.mkdir()


LINKS: dict[str, Callable[[Path], object]] = {
    "a link to a password": lambda place: (_copied(place) / "x").symlink_to("/etc/passwd"),
    "a link to all there is": lambda place: (_copied(place) / "x").symlink_to("/"),
    "a link to itself": lambda place: (_copied(place) / "x").symlink_to("x"),
    "a pipe": lambda place: os.mkfifo(_copied(place) / "x"),
    "many files": _many,
    "a terabyte of nothing": _sparse,
    "garbage for a tree": lambda place: (_copied(place) / "manifest.ocdbt").write_bytes(
        b"\xff" * 99
    ),
    "an empty tree": lambda place: (_copied(place) / "manifest.ocdbt").write_bytes(b""),
    "a link to a pipe": lambda place: (_copied(place) / "x").symlink_to("/dev/stdin"),
    "a link to zeros": lambda place: (_copied(place) / "x").symlink_to("/dev/zero"),
    "deep": _deep,
}
