"""Changing manifests with a valid digest, as another version could write them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rlctl.checkpoints import manifest

Change = Callable[[dict[str, Any]], object]


def forge(path: Path, change: Change) -> Path:
    """Change a checkpoint's manifest in place and renew its digest."""
    file = path / manifest.NAME
    content = json.loads(file.read_bytes())
    change(content)
    file.write_bytes(manifest.encode(content))
    return path


def spec_changes(content: dict[str, Any]) -> Iterator[tuple[str, Change]]:
    """Yield a named change for every member of the environment and policy specs."""
    spec, policy = content["env"]["spec"], content["policy"]
    for group, kind in (("observation", spec["observation"][0]), ("action", spec["action"][0])):
        for member in kind:
            yield f"env.spec.{group}.{member}", _other("env", "spec", group, 0, member)
        yield f"env.spec.{group} without one", lambda m, g=group: m["env"]["spec"][g].pop()
        yield (
            f"env.spec.{group} with one more",
            lambda m, g=group: m["env"]["spec"][g].append({**m["env"]["spec"][g][0], "name": "x"}),
        )
    for member in spec:
        if member not in ("observation", "action"):
            yield f"env.spec.{member}", _other("env", "spec", member)
    for member in policy:
        yield f"policy.{member}", _other("policy", member)
    yield "env.id", _other("env", "id")


def _other(*path: str | int) -> Change:
    def change(content: dict[str, Any]) -> None:
        place: Any = content
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = _another(place[path[-1]])

    return change


def _another(value: Any) -> Any:
    """Return a different value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return {"swish": "tanh", "tanh_normal": "normal", "normal": "tanh_normal"}.get(
            value, value + "x"
        )
    if isinstance(value, list):
        return [_another(value[0]), *value[1:]] if value else ["x"]
    return 1.0  # of null
