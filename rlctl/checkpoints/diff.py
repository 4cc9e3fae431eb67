"""Comparison of two checkpoints."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlctl.checkpoints.reading import Examination

# Derived from the arrays, which are compared directly.
_DIGESTS = {"arrays", "files", "initial", "manifest_sha256"}


def compare(ours: Examination, theirs: Examination) -> dict[str, Any]:
    """Compare two checkpoints; equal members are left out.

    Returns:
        `manifest`: dotted key -> [ours, theirs], and `arrays`: group/name -> largest absolute
        difference, or a description if shapes or dtypes differ.
    """
    a, b = _flat(ours.manifest), _flat(theirs.manifest)
    facts = {key: [a.get(key), b.get(key)] for key in sorted({*a, *b}) if a.get(key) != b.get(key)}
    arrays: dict[str, float | str] = {}
    for group in sorted({*ours.groups, *theirs.groups}):
        mine, other = ours.groups.get(group, {}), theirs.groups.get(group, {})
        for name in sorted({*mine, *other}):
            gap = _gap(mine.get(name), other.get(name))
            if gap is not None:
                arrays[f"{group}/{name}"] = gap
    return {"manifest": facts, "arrays": arrays}


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Flatten nested members to dotted names."""
    if not isinstance(value, Mapping) or not value:
        return {prefix: value}
    return {
        name: item
        for key, member in value.items()
        if prefix or key not in _DIGESTS
        for name, item in _flat(member, f"{prefix}.{key}" if prefix else str(key)).items()
    }


def _gap(ours: np.ndarray | None, theirs: np.ndarray | None) -> float | str | None:
    """Return the largest difference of two arrays; None if they are equal bit for bit."""
    if ours is None or theirs is None:
        return f"only in the {'second' if ours is None else 'first'}"
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return f"{ours.dtype}{list(ours.shape)}, {theirs.dtype}{list(theirs.shape)}"
    # Compares bytes, so that equal NaNs count as equal and 0.0 differs from -0.0.
    if ours.tobytes() == theirs.tobytes():
        return None
    with np.errstate(invalid="ignore"):
        gap = np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).max()
    return float(gap) if np.isfinite(gap) else "non-finite values differ"
