"""Reader of Orbax folders (Brax's checkpoints) with TensorStore.

Does not use jax or Orbax, so the devices that the arrays were saved from do not matter. TensorStore
reads a copy of the folder in memory, so it cannot access other files.
"""

import json
import re
from typing import Any

import numpy as np
import tensorstore

from rlctl.checkpoints.foreign import brax
from rlctl.checkpoints.foreign.base import MAX_NUMBERS, READ, ForeignPolicy
from rlctl.checkpoints.foreign.source import TREE
from rlctl.core.errors import Damaged, Incompatible, Unsafe

_CONFIG = "ppo_network_config.json"
_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Orbax omits chunks of zeros. These arrays are never all zeros, so a missing chunk is damage:
_NEVER_ZERO = re.compile(r"0\.std(\..*)?|.*\.kernel")
_AGAIN = "copy it again, or import an older one"


def read(files: dict[str, bytes]) -> ForeignPolicy:
    """Read the policy in a folder; see `sandbox_child.READERS`."""
    for name in files:
        if name.endswith("_network_config.json") and name != _CONFIG:
            kind = name.removesuffix("_network_config.json").upper()[:40]
            raise Incompatible(f"it is of Brax's {kind} (it has {name})", READ)
    metadata = _json(files, TREE)
    config = _json(files, _CONFIG) if _CONFIG in files else None
    kind = "zarr3" if metadata.get("use_zarr3") else "zarr"
    packed = "manifest.ocdbt" in files
    context = tensorstore.Context()
    store = tensorstore.KvStore.open("memory://", context=context).result()
    for name, data in files.items():
        store.write(name, data).result()
    arrays, left = {}, MAX_NUMBERS
    for name in _names(metadata):
        at = {"driver": "memory", "path": f"{name}/"}
        if packed:
            at = {"driver": "ocdbt", "base": {"driver": "memory"}, "path": f"{name}/"}
        spec = {"driver": kind, "kvstore": at}
        if _NEVER_ZERO.fullmatch(name):
            spec["fill_missing_data_reads"] = False
        array = _read(spec, context, name, left)
        left -= array.size
        arrays[name.replace(".", "/")] = array
    packing = "OCDBT" if packed else "zarr"
    return brax.policy_of(arrays, config, f"a checkpoint of Brax's PPO (Orbax, {packing})")


def _names(metadata: dict[str, Any]) -> list[str]:
    """Return the names of the arrays: the keys of the tree, joined by dots.

    Raises:
        Damaged: The metadata has no list of arrays.
        Incompatible: A key has unsupported characters.
    """
    try:
        leaves = metadata["tree_metadata"].values()
        held = [leaf for leaf in leaves if not leaf["value_metadata"].get("skip_deserialize")]
        names = [[str(part["key"]) for part in leaf["key_metadata"]] for leaf in held]
    except (KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"{TREE} lists no arrays", _AGAIN) from error
    for key in (key for keys in names for key in keys):
        if not _KEY.fullmatch(key):
            raise Incompatible(
                f"{TREE} has an unsupported key {key[:80]!r}; allowed are letters, digits, _ and -"
            )
    return [".".join(keys) for keys in names]


def _read(spec: dict[str, Any], context: Any, name: str, left: int) -> np.ndarray:
    try:
        array = tensorstore.open(spec, context=context, open=True, read=True).result()
        # The chunk size too: a small array may be stored in one huge chunk.
        size = max(_product(array.shape), _product(array.chunk_layout.read_chunk.shape))
        if size <= left:
            return array.read().result()
    except MemoryError:
        raise
    except Exception as error:  # TensorStore raises many types
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise Damaged(f"its array {name} cannot be read: {reason}", _AGAIN) from error
    raise Unsafe(f"its array {name} has {size:,} numbers", "it is not a policy")


def _product(shape: Any) -> int:
    product = 1
    for size in shape or ():
        product *= int(size)
    return product


def _json(files: dict[str, bytes], name: str) -> dict[str, Any]:
    try:
        content = json.loads(files[name])
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{name} is not valid JSON: {error}", _AGAIN) from error
    if not isinstance(content, dict):
        raise Damaged(f"{name} is not a JSON object", _AGAIN)
    return content
