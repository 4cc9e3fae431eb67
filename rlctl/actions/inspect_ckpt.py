"""Inspect a checkpoint, intact or damaged, without any framework."""

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

MEASURED = ("policy", "train")  # groups whose values are read; environment states are large


@dataclass(frozen=True)
class ArrayReport:
    """One array: its shape, and statistics of its values if they were read.

    Attributes:
        name: Flat name, e.g. `policy/hidden_0/kernel`.
        dtype: Its numpy name.
        shape: Its shape.
        mean: Mean of the finite values, None without any; std, min and max likewise.
        std: Standard deviation.
        min: Smallest.
        max: Largest.
        nonfinite: Number of NaNs and infinities; None if the values were not read.
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
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True)
class Inspection:
    """Report on a checkpoint.

    Attributes:
        path: Its folder.
        manifest: Its manifest, as far as it could be read.
        faults: File name -> its fault; empty for a verified checkpoint.
        arrays: Group -> its arrays.
        untrained: Whether every parameter equals its initial value; None if unknown.
        unchanged: Parameters that equal their initial values.
        normalizer: Summary of the observation normaliser; {} without it.
        versions: Package -> saved and installed version, where they differ.
        difference: Differences from the other checkpoint, None without another.
        error: The first fault, raised after the report is printed.
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
        """Number of parameters by network, e.g. {"policy": 2818, "value": 66049}."""
        count: dict[str, int] = {}
        for array in self.arrays.get("policy", []):
            network = array.name.partition("/")[0]
            if network != "normalizer":
                count[network] = count.get(network, 0) + array.size
        return count

    @property
    def total_steps(self) -> int | None:
        """Environment steps of the whole training, None if unknown."""
        steps = _mapping(_mapping(self.manifest.get("config")).get("train")).get("steps")
        return steps if isinstance(steps, int) else None

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
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
    text: str | None, diff: str | None = None, warn: Callable[[str], None] = lambda line: None
) -> Inspection:
    """Inspect a checkpoint, and compare it with another if one is given.

    Args:
        text: Checkpoint as `--ckpt` takes it; None for the latest run's best.
        diff: The other checkpoint, None without one.
        warn: Called if a damaged checkpoint is skipped.

    Returns:
        The report; `error` holds the first fault of either checkpoint.

    Raises:
        NotFound, Incompatible, Damaged: There is no checkpoint to inspect.
    """
    groups = (*MEASURED, "envs") if diff else MEASURED
    path, examination = _examine(text, groups, warn)
    error = next(iter(examination.faults.values()), None)
    difference = None
    if diff is not None:
        other_path, other = _examine(diff, groups, warn)
        error = error or next(iter(other.faults.values()), None)
        difference = {"other": str(other_path), **compare(examination, other)}
    facts, policy = examination.manifest, examination.groups.get("policy")
    initial = _mapping(facts.get("initial"))
    unchanged = _unchanged(policy or {}, initial)
    networks = [name for name in policy or {} if not name.startswith("normalizer/")]
    return Inspection(
        path=path,
        manifest=facts,
        faults={name: fault.message for name, fault in examination.faults.items()},
        arrays=_describe(examination),
        untrained=unchanged == networks if networks and initial else None,
        unchanged=unchanged,
        normalizer=_summarize_normalizer(policy or {}),
        versions=_versions(facts),
        difference=difference,
        error=error,
    )


def _examine(
    text: str | None, groups: tuple[str, ...], warn: Callable[[str], None]
) -> tuple[Path, Examination]:
    """Locate and examine a checkpoint; locate it again if a training deletes it meanwhile."""
    while True:
        found = locate(text, None, None, warn)
        path = found if isinstance(found, Path) else found.path
        try:
            check_folder(path)
            examination = examine(path, groups)
        except NotFound:
            if path.exists():
                raise
            continue
        if not examination.faults or path.exists():  # else it was deleted meanwhile
            return path, examination


def _describe(examination: Examination) -> dict[str, list[ArrayReport]]:
    """Report on every array of the manifest."""
    if not manifest.is_complete(examination.manifest):
        return {}
    return {
        group: [
            ArrayReport(
                name,
                entry["dtype"],
                tuple(entry["shape"]),
                **_measure(examination.groups.get(group, {}).get(name)),
            )
            for name, entry in listing.items()
        ]
        for group, listing in examination.manifest["arrays"].items()
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
    """Return the names of the parameters whose digests equal their initial ones."""
    now = manifest.digests(policy)
    return [
        name
        for name, digest in now.items()
        if not name.startswith("normalizer/") and initial.get(name) == digest
    ]


def _summarize_normalizer(policy: Arrays) -> dict[str, Any]:
    names = [f"normalizer/{name}" for name in ("count", "mean", "std", "summed_variance")]
    parts = [policy[name] for name in names if name in policy]
    if len(parts) < len(names) or not all(part.size for part in parts):
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
    """Return saved and installed versions where they differ."""
    then, now = _mapping(facts.get("provenance")).get("python"), python_version()
    differing = {} if then in (None, now) else {"python": (str(then), now)}
    differing |= compatibility.changed_packages(facts)
    return {name: {"saved": was, "installed": is_} for name, (was, is_) in differing.items()}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
