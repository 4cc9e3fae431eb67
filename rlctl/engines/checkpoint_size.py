"""What the checkpoints of a training take of the disk, worked out before it starts."""

import math
import os
import shutil
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from rlctl import catalog
from rlctl.core.config import Resolved
from rlctl.core.errors import OutOfSpace
from rlctl.core.specs import EnvSpec, PolicySpec

MIB = 2**20
_MANIFEST = 6_000  # bytes, beside what it says of every array
_OF_ARRAY = 220  # bytes: its names in the manifest and the file, its shape and its digest
_OTHERS = 20  # arrays that are not of a network


def plan(
    settings: Resolved,
    env_name: str,
    save_every: int,
    policy_spec: Callable[[EnvSpec], PolicySpec],
    copies: tuple[float, float],
) -> dict[str, Any]:
    """A checkpoint's size, how many are kept, and the most they take together; {} if not known.

    Args:
        settings: Sections `train`, the engine's and `env`.
        env_name: The environment's catalog name.
        save_every: Steps between checkpoints.
        policy_spec: The policy that the engine trains for an environment.
        copies: How often the numbers of the policy and of the value network are in group `train`.
    """
    train = settings["train"]
    found = catalog.load("rlctl.rollouts.state_size:spec_and_state_bytes")(
        env_name, settings["env"], train.physics, train.num_envs, train.randomize
    )
    if found is None:
        return {}
    env, environments = found
    policy = policy_spec(env)
    networks = (
        (policy.policy_size, *policy.policy_hidden_layer_sizes, policy.output_size),
        (policy.observation_size, *policy.value_hidden_layer_sizes, 1),
    )
    numbers, arrays = 4.0 * policy.observation_size, float(_OTHERS)  # the normaliser's
    for sizes, more in zip(networks, copies, strict=True):
        numbers += (1 + more) * sum((i + 1) * o for i, o in pairwise(sizes))
        arrays += (1 + more) * 2 * (len(sizes) - 1)
    size = (4 * numbers + environments + _MANIFEST + _OF_ARRAY * arrays) / MIB
    saves = math.ceil(train.steps / save_every)
    kept = train.keep_last + 1  # the best may be an old one
    kept += train.steps // train.keep_every if train.keep_every else 0
    kept = min(saves, kept)
    return {
        "checkpoint_mib": size,
        "checkpoints_kept": kept,
        "disk_mib": (kept + 1) * size,  # one is written before another is deleted
    }


def check(planned: Mapping[str, Any], folder: Path) -> str | None:
    """What to warn of where the disk has no room for all checkpoints of a training.

    Args:
        planned: With what `plan` gave.
        folder: The run's, there or not yet.

    Raises:
        OutOfSpace: There is no room for one.
    """
    if "disk_mib" not in planned:
        return None
    place = next(path for path in (folder, *folder.absolute().parents) if os.path.isdir(path))
    disk = shutil.disk_usage(place)
    if not disk.total:
        return None  # no disk, and making the folder will tell
    free = disk.free / MIB
    if planned["checkpoint_mib"] > free:
        raise OutOfSpace(
            f"a checkpoint takes {planned['checkpoint_mib']:.3g} MiB, and {place} has "
            f"{free:.3g} MiB left",
            "free some space, choose another --out, or train fewer environments",
        )
    if planned["disk_mib"] <= free:
        return None
    return (
        f"{planned['checkpoints_kept']} checkpoints will take {planned['disk_mib']:.3g} MiB, and "
        f"{place} has {free:.3g} MiB left: free some space, or keep fewer "
        "(train.keep_last, train.keep_every)"
    )
