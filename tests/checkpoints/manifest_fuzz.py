"""Fuzzed manifests with a valid digest."""

import copy
import hashlib
import json
import random
from collections.abc import Iterator
from typing import Any

from rlctl.checkpoints import manifest

ODD: list[Any] = [
    None, True, False, 0, 1, -1, 7, 2**31, 2**63, -(2**63), 10**19, 0.5, -1.5, 1e308, "", "x", "0",
    "../x", "/etc/passwd", "\x1b[2J", "\u202e", "\ud800", "é" * 50, "x" * 5000, [], [1], ["x"],
    [[]],
    [None], {}, {"x": 1}, {"": {}}, [1, "x"], "gym:CartPole-v1", "hopper", "normal", [1e308], [-1],
]  # fmt: skip
RAW = [  # JSON that json.dumps would not write
    '{"step": 1, "step": 2', '{"step": NaN', '{"step": Infinity', '{"step": 1e999',
    '{"step": ' + "9" * 5000, '{"step": ' + "[" * 100_000 + "]" * 100_000,
    '{"a": {"a": ' * 40 + "1",
    "[1", "", "null", '{"step": 01', '{"step": 1,', "{'step': 1", '{"step": "\x01"', '{"step": 1}',
    '{"step": "\\udcff"', "\ufeff{}", '{"step": -0',
]  # fmt: skip


def sealed(body: bytes) -> bytes:
    """Append a valid digest to any content."""
    digest = hashlib.sha256(body).hexdigest()
    return body + f',\n  "manifest_sha256": "{digest}"\n}}\n'.encode()


def raw() -> Iterator[bytes]:
    """Yield manifests that are not strict JSON, or not of rlctl."""
    for text in RAW:
        yield sealed(text.encode(errors="surrogatepass"))
    yield sealed(b'{"step": "\xff"')
    yield sealed('{"step": 1'.encode("utf-16"))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values: keys and indices from the top."""
    found = [path] if path else []
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    return found + [place for key, item in inner for place in places(item, (*path, key))]


def forged(held: dict[str, Any], rng: random.Random) -> tuple[str, bytes]:
    """Return a description of random changes to a manifest, and its bytes."""
    content, words = copy.deepcopy(held), []
    while not words or rng.random() < 0.3:
        *way, last = rng.choice(places(content))
        parent = content
        for key in way:
            parent = parent[key]
        words.append(f"{'.'.join(map(str, (*way, last)))}: {_change(parent, last, rng)}")
        if not content:
            break
    body = json.dumps(content, indent=2).removesuffix("\n}").encode()
    return "; ".join(words), sealed(body)


def of(data: bytes) -> dict[str, Any]:
    """Return the members of a manifest without its digest."""
    members = dict(manifest.decode(data))
    del members["manifest_sha256"]
    return members


def _change(parent: Any, key: Any, rng: random.Random) -> str:
    kind = rng.randrange(8)
    if kind == 0:
        del parent[key]
        return "gone"
    if kind == 1 and isinstance(parent, dict):
        parent[rng.choice(["x", "", "../x", "id", "é", "__class__"])] = parent[key]
        return "copied to another name"
    if kind == 2 and isinstance(parent, dict):
        parent["x"] = parent.pop(key)
        return "renamed"
    if kind == 3 and isinstance(parent, list):
        parent.append(parent[key])
        return "doubled"
    parent[key] = rng.choice(ODD)
    return repr(parent[key])[:40]
