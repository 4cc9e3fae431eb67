"""Disk space of a training's checkpoints, estimated before it starts."""

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
from rlctl.core.specs import EnvSpec
from rlctl.engines.config import TrainConfig
from rlctl.policies.mlp.spec import MLPSpec

MIB = 2**20
_MANIFEST_BYTES = 6_000  # without the entries of arrays
_BYTES_PER_ARRAY = 220  # its names in the manifest and the file, its shape and its digest
_OTHER_ARRAYS = 20  # arrays that belong to no network


def estimate(
    settings: Resolved,
    env_name: str,
    save_every: int,
    policy_spec: Callable[[EnvSpec], MLPSpec],
    train_copies: tuple[float, float],
) -> dict[str, Any]:
    """Return a checkpoint's size, how many are kept and their peak total; {} if unknown.

    Args:
        settings: Sections `train`, the engine's and `env`.
        env_name: The environment's catalog name.
        save_every: Steps between checkpoints.
        policy_spec: Returns the spec of the policy that the engine trains for an environment.
        train_copies: How many times group `train` holds the parameters of the policy and of the
            value network, as optimizer moments for example.
    """
    train = settings[TrainConfig]
    sizes = catalog.load("rlctl.rollouts.state_size:spec_and_state_bytes")(
        env_name, settings["env"], train.physics, train.num_envs, train.randomize
    )
    if sizes is None:
        return {}
    env, environment_bytes = sizes
    policy = policy_spec(env)
    networks = (policy.layer_sizes, policy.value_layer_sizes)
    numbers, arrays = 4.0 * policy.observation_size, float(_OTHER_ARRAYS)  # the normaliser's
    for widths, copies in zip(networks, train_copies, strict=True):
        numbers += (1 + copies) * sum((i + 1) * o for i, o in pairwise(widths))
        arrays += (1 + copies) * 2 * (len(widths) - 1)
    size = 4 * numbers + environment_bytes + _MANIFEST_BYTES + _BYTES_PER_ARRAY * arrays
    size /= MIB
    saves = math.ceil(train.steps / save_every)
    kept = train.keep_last + 1  # the best may be older than those
    kept += train.steps // train.keep_every if train.keep_every else 0
    kept = min(saves, kept)
    return {
        "checkpoint_mib": size,
        "checkpoints_kept": kept,
        "disk_mib": (kept + 1) * size,  # a new one is written before an old one is deleted
    }


def check_disk_space(planned: Mapping[str, Any], folder: Path) -> str | None:
    """Return a warning if the disk cannot hold all checkpoints of a training, else None.

    Args:
        planned: A plan with the members that `estimate` returned.
        folder: The run's folder, which need not exist yet.

    Raises:
        OutOfSpace: The disk cannot hold a single checkpoint.
    """
    if "disk_mib" not in planned:
        return None
    place = next(path for path in (folder, *folder.absolute().parents) if os.path.isdir(path))
    disk = shutil.disk_usage(place)
    if not disk.total:
        return None  # not a disk (/proc, for example): creating the folder will fail
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
