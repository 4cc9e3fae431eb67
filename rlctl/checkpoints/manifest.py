"""The manifest of a checkpoint: metadata as JSON, followed by a digest of itself.

    {
      "schema": {"name": "rlctl-checkpoint", "major": 1, "minor": 3},
      "engine": ..., "env": ..., "policy": ..., "step": ..., and the other facts of the save,
      "arrays": {"policy": {"policy/hidden_0/kernel": {"dtype": "float32", "shape": [3, 32]}}},
      "files": {"policy.safetensors": {"bytes": 5120, "sha256": "..."}},
      "manifest_sha256": "..."
    }

The last member is the SHA-256 of all bytes before it, so any changed byte is detected, also in the
manifests of later versions. Newer minor schemas are read (unknown members are ignored), newer major
ones are refused.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeGuard, TypeVar

from rlctl.core.errors import Damaged, Incompatible, Unsafe
from rlctl.core.files import plain
from rlctl.core.safe_io import parse_json

NAME = "manifest.json"
SCHEMA = {"name": "rlctl-checkpoint", "major": 1, "minor": 3}
_DIGEST = "manifest_sha256"
MAX_BYTES = 8 * 2**20
_GROUP = re.compile(r"[a-z0-9_-]{1,64}")
_SUFFIX = ".safetensors"
_NULL = type(None)
_Kind = TypeVar("_Kind")
_FACTS: dict[
    str, tuple[type, ...]
] = {  # types of optional members, so that readers can rely on them
    "engine": (str,),
    "env": (dict,),
    "env.id": (str,),
    "env.config": (dict,),
    "env.spec": (dict,),
    "policy": (dict,),
    "policy.kind": (str,),
    "config": (dict,),
    "physics": (str,),
    "updates": (int,),
    "episodes": (int,),
    "seconds": (float,),
    "seed": (int,),
    "metrics": (dict,),
    "metrics.return": (dict,),
    "metrics.return.mean": (float, _NULL),
    "evaluated": (int,),
    "best": (dict, _NULL),
    "best.step": (int,),
    "best.return": (float,),
    "initial": (dict,),
    "provenance": (dict,),
    "imported_from": (dict,),
}
_WORDS = {
    str: "text",
    dict: "an object",
    int: "a whole number",
    float: "a number",
    _NULL: "null",
}


def file_of(group: str) -> str:
    """Return the file name of a group of arrays.

    Raises:
        Unsafe: The group's name has other characters, so its file could be outside the folder.
    """
    if not _GROUP.fullmatch(group):
        raise Unsafe(f"{NAME} names a group {group[:80]!r}; allowed are a-z, 0-9, _ and -")
    return group + _SUFFIX


def is_file_name(name: str) -> bool:
    """Return whether this is the file name of a group of arrays."""
    return name.endswith(_SUFFIX)


def file_entry(data: bytes) -> dict[str, Any]:
    """Return the manifest's entry for a file with this content."""
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def digests(arrays: Mapping[str, Any]) -> dict[str, str]:
    """Return name -> SHA-256 of the array's dtype, shape and bytes (C order)."""
    return {
        name: hashlib.sha256(
            f"{array.dtype.name}{tuple(array.shape)}".encode() + array.tobytes()
        ).hexdigest()
        for name, array in arrays.items()
    }


def encode(facts: Mapping[str, Any]) -> bytes:
    """Encode a manifest with its digest; non-finite numbers become null."""
    members = {name: value for name, value in facts.items() if name != _DIGEST}
    # The closing brace belongs to the seal, which adds the digest as the last member.
    body = json.dumps(plain(members), indent=2, allow_nan=False).removesuffix("\n}").encode()
    return body + _seal(body)


def decode(data: bytes) -> dict[str, Any]:
    """Decode and validate a manifest.

    Raises:
        Damaged: The digest does not match, a required member is missing, or a member has a wrong
            type.
        Incompatible: The schema is newer.
        Unsafe: It names files outside its folder.
    """
    # All seals have the same length. The digest is checked before anything is parsed.
    body = data[: -len(_seal(b""))]
    if data[len(body) :] != _seal(body):
        raise Damaged(f"{NAME} has changed since it was written: it does not match its own digest")
    manifest = salvage(data)
    schema = manifest.get("schema")
    # The version first: a newer major schema may have other members.
    if isinstance(schema, dict) and schema.get("name") == SCHEMA["name"]:
        _check_version(schema, manifest)
    _check_members(manifest)
    for name, kinds in _FACTS.items():
        _check_fact(manifest, name, kinds)
    return manifest


def salvage(data: bytes) -> dict[str, Any]:
    """Return what can be parsed of a manifest, damaged or not; {} if nothing can."""
    try:
        manifest = parse_json(data)
    except ValueError:
        return {}
    return manifest if isinstance(manifest, dict) else {}


def is_complete(manifest: Mapping[str, Any]) -> bool:
    """Return whether the members needed for reading arrays are present and valid."""
    try:
        _check_members(manifest)
    except (Damaged, Unsafe):
        return False
    return True


def _seal(body: bytes) -> bytes:
    return f',\n  "{_DIGEST}": "{hashlib.sha256(body).hexdigest()}"\n}}\n'.encode()


def _check_version(schema: dict[str, Any], manifest: dict[str, Any]) -> None:
    if schema.get("major") != SCHEMA["major"]:
        writer = "the version of rlctl that"
        with suppress(KeyError, TypeError):
            writer = f"rlctl {manifest['provenance']['packages']['rlctl']}, which"
        raise Incompatible(
            f"the checkpoint has schema {schema.get('major')}.{schema.get('minor')}; "
            f"this rlctl reads {SCHEMA['major']}.x",
            f"install {writer} wrote it, or a newer one",
        )


def _check_members(manifest: Mapping[str, Any]) -> None:
    arrays, files, step = (manifest.get(name) for name in ("arrays", "files", "step"))
    schema = manifest.get("schema")
    if not isinstance(schema, dict) or schema.get("name") != SCHEMA["name"]:
        raise Damaged(f"{NAME} is not a manifest of rlctl: its schema is missing or another")
    if not _is(schema.get("minor"), int) or schema["minor"] < 0:
        raise Damaged(f"{NAME} has no valid minor version of its schema")
    if not _is(step, int) or step < 0:
        raise Damaged(f"{NAME} has no valid step")
    if not isinstance(arrays, dict) or not all(_is_listing(group) for group in arrays.values()):
        raise Damaged(f"{NAME} has no valid list of arrays")
    if not isinstance(files, dict) or not all(_is_file(entry) for entry in files.values()):
        raise Damaged(f"{NAME} has no valid list of files")
    if set(files) != {file_of(group) for group in arrays}:
        raise Damaged(f"{NAME} lists files and groups of arrays that do not match")


def _check_fact(manifest: Mapping[str, Any], name: str, kinds: tuple[type, ...]) -> None:
    """Check the type of the member under a dotted name, if it is present.

    Raises:
        Damaged: The type is wrong.
    """
    value: Any = manifest
    for key in name.split("."):
        if not isinstance(value, dict) or key not in value:
            return
        value = value[key]
    if not any(_is(value, kind) for kind in kinds):
        words = " or ".join(_WORDS[kind] for kind in kinds)
        raise Damaged(f"{NAME} has {_short(value)} for {name}, not {words}")


def _is(value: Any, kind: type[_Kind]) -> TypeGuard[_Kind]:
    """Return whether a JSON value is of a type; an int is a float, a bool is neither."""
    fits = isinstance(value, (int, float) if kind is float else kind)
    return fits and (kind is bool or not isinstance(value, bool))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _is_listing(group: Any) -> bool:
    return isinstance(group, dict) and all(
        isinstance(entry, dict)
        and isinstance(entry.get("dtype"), str)
        and isinstance(entry.get("shape"), list)
        and all(_is(size, int) and size >= 0 for size in entry["shape"])
        for entry in group.values()
    )


def _is_file(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and _is(entry.get("bytes"), int)
        and isinstance(entry.get("sha256"), str)
    )
