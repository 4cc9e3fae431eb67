"""Look into a checkpoint, sound or damaged, without any framework."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from platform import python_version
from typing import Any

import numpy as np

from rlctl.checkpoints import compatibility, manifest
from rlctl.checkpoints.arrays import Arrays, count_nonfinite
from rlctl.checkpoints.diff import compare
from rlctl.checkpoints.find import locate
from rlctl.checkpoints.reading import Examination, check_folder, examine
from rlctl.core.errors import NotFound, RlctlError

MEASURED = ("policy", "train")  # groups whose values are looked at; environments are large


@dataclass(frozen=True)
class ArrayReport:
    """One array: its shape, and its values where they could be read.

    Attributes:
        name: Flat name, e.g. `policy/hidden_0/kernel`.
        dtype: As numpy names it.
        shape: Its axes.
        mean: Of the finite values, like std, min and max; None without any.
        std: Standard deviation.
        min: Smallest.
        max: Largest.
        nonfinite: NaNs and infinities; None where the values were not read.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    mean: float | None = None
    std: float | None = None
    min: float | None = None
    max: float | None = None
    nonfinite: int | None = None

    @property
    def size(self) -> int:
        """Numbers in it."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True)
class Inspection:
    """What is known of a checkpoint.

    Attributes:
        path: Its folder.
        manifest: Its facts, as far as they could be read.
        faults: File name -> what is wrong with it; empty for a verified checkpoint.
        arrays: Group -> its arrays.
        untrained: Whether every parameter equals its initial value; None if not known.
        unchanged: Parameters that equal their initial values.
        normalizer: Summary of the observation statistics; {} without.
        versions: Package -> saved and installed version, where they differ.
        difference: What differs from another checkpoint, None if none was given.
        error: The first fault, to be raised once all is told.
    """

    path: Path
    manifest: dict[str, Any]
    faults: dict[str, str]
    arrays: dict[str, list[ArrayReport]]
    untrained: bool | None
    unchanged: list[str]
    normalizer: dict[str, Any]
    versions: dict[str, dict[str, str | None]]
    difference: dict[str, Any] | None = None
    error: RlctlError | None = field(default=None, repr=False)

    @property
    def parameters(self) -> dict[str, int]:
        """Trained numbers by network, e.g. {"policy": 2818, "value": 66049}."""
        count: dict[str, int] = {}
        for array in self.arrays.get("policy", []):
            network = array.name.partition("/")[0]
            if network != "normalizer":
                count[network] = count.get(network, 0) + array.size
        return count

    @property
    def total_steps(self) -> int | None:
        """Environment steps the training was to take, None if not known."""
        steps = _members(_members(self.manifest.get("config")).get("train")).get("steps")
        return steps if isinstance(steps, int) else None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        facts = {k: v for k, v in self.manifest.items() if k not in ("arrays", "initial")}
        return facts | {
            "path": str(self.path),
            "verified": not self.faults,
            "faults": self.faults,
            "total_steps": self.total_steps,
            "parameters": self.parameters,
            "untrained": self.untrained,
            "unchanged": self.unchanged,
            "normalizer": self.normalizer,
            "versions": self.versions,
            "arrays": {
                group: [asdict(array) for array in arrays] for group, arrays in self.arrays.items()
            },
            "difference": self.difference,
        }


def inspect_ckpt(
    text: str | None, diff: str | None = None, tell: Callable[[str], None] = lambda line: None
) -> Inspection:
    """Look into a checkpoint, and compare it with another if one is given.

    Args:
        text: What `--ckpt` takes; None for the latest run's best.
        diff: The same, for the other one.
        tell: Told when a damaged checkpoint was skipped.

    Returns:
        All that can be known; `error` holds what is wrong with either of the two.

    Raises:
        NotFound, Incompatible, Damaged: There is nothing to look into.
    """
    groups = (*MEASURED, "envs") if diff else MEASURED
    path, found = _look(text, groups, tell)
    error = next(iter(found.faults.values()), None)
    difference = None
    if diff is not None:
        other_path, other = _look(diff, groups, tell)
        error = error or next(iter(other.faults.values()), None)
        difference = {"other": str(other_path), **compare(found, other)}
    facts, policy = found.manifest, found.groups.get("policy")
    initial = _members(facts.get("initial"))
    unchanged = _unchanged(policy or {}, initial)
    networks = [name for name in policy or {} if not name.startswith("normalizer/")]
    return Inspection(
        path=path,
        manifest=facts,
        faults={name: fault.message for name, fault in found.faults.items()},
        arrays=_describe(found),
        untrained=unchanged == networks if networks and initial else None,
        unchanged=unchanged,
        normalizer=_summarize(policy or {}),
        versions=_versions(facts),
        difference=difference,
        error=error,
    )


def _look(
    text: str | None, groups: tuple[str, ...], tell: Callable[[str], None]
) -> tuple[Path, Examination]:
    while True:
        path = locate(text, warn=tell)
        try:
            check_folder(path)
            found = examine(path, groups)
        except NotFound:
            if path.exists():
                raise
            continue
        if not found.faults or path.exists():  # else it was pruned meanwhile: choose anew
            return path, found


def _describe(found: Examination) -> dict[str, list[ArrayReport]]:
    """Every array of the manifest, with the values of those that were read."""
    if not manifest.is_complete(found.manifest):
        return {}
    return {
        group: [
            ArrayReport(
                name,
                entry["dtype"],
                tuple(entry["shape"]),
                **_measure(found.groups.get(group, {}).get(name)),
            )
            for name, entry in listing.items()
        ]
        for group, listing in found.manifest["arrays"].items()
    }


def _measure(array: np.ndarray | None) -> dict[str, Any]:
    if array is None:
        return {}
    values = array.astype(np.float64)
    finite = values[np.isfinite(values)]
    nonfinite = {"nonfinite": count_nonfinite(array)}
    if not finite.size:
        return nonfinite
    return nonfinite | {
        "mean": float(finite.mean()),
        "std": float(finite.std()),
        "min": float(finite.min()),
        "max": float(finite.max()),
    }


def _unchanged(policy: Arrays, initial: Mapping[str, Any]) -> list[str]:
    """Names of the parameters whose digests are those they had before training."""
    now = manifest.digests(policy)
    return [
        name
        for name, digest in now.items()
        if not name.startswith("normalizer/") and initial.get(name) == digest
    ]


def _summarize(policy: Arrays) -> dict[str, Any]:
    names = ("count", "mean", "std", "summed_variance")
    parts = [policy.get(f"normalizer/{name}") for name in names]
    if any(part is None or not part.size for part in parts):
        return {}
    count, mean, std, summed_variance = parts
    return {
        "count": float(count),
        "size": int(mean.size),
        "mean": {"min": float(mean.min()), "max": float(mean.max())},
        "std": {"min": float(std.min()), "max": float(std.max())},
        "constant": [int(i) for i in np.flatnonzero(summed_variance <= 0.0)],
        "nonfinite": sum(count_nonfinite(part) for part in parts),
    }


def _versions(facts: Mapping[str, Any]) -> dict[str, dict[str, str | None]]:
    """Saved and installed versions where they differ."""
    then, now = _members(facts.get("provenance")).get("python"), python_version()
    differing = {} if then in (None, now) else {"python": (str(then), now)}
    differing |= compatibility.changed_packages(facts)
    return {name: {"saved": was, "installed": is_} for name, (was, is_) in differing.items()}


def _members(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
