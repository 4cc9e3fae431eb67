"""Metrics of a run, read into columns."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlctl.core import runs
from rlctl.core.errors import NotFound
from rlctl.core.metrics import Metrics

Columns = dict[str, np.ndarray]


@dataclass(frozen=True, repr=False)
class RunMetrics:
    """Metrics of a run. Columns of a kind are equally long; missing values are nan.

    Nested names are joined by `/`: `losses/kl_mean` and `terms/NAME` of training rows,
    `return/mean`, `return/std` and `length/mean` of evaluations.

    Attributes:
        run: The run's folder.
        train: Name -> (N,), one value per update.
        eval: Name -> (E,), one value per evaluation.
    """

    run: Path
    train: Columns
    eval: Columns

    def __repr__(self) -> str:
        counts = (len(kind.get("steps", ())) for kind in (self.train, self.eval))
        return f"RunMetrics({self.run}: {' updates, '.join(map(str, counts))} evaluations)"


def read_metrics(text: str | None = None) -> RunMetrics:
    """Read the metrics of a run.

    Args:
        text: The run by path or name; None or `latest` for the latest one.

    Raises:
        NotFound: The run does not exist, or has no metrics yet.
    """
    folder = runs.find_run_with_metrics(text or "latest")
    try:
        rows = list(Metrics(folder / "metrics.jsonl").rows())
    except OSError as error:
        raise NotFound(f"cannot read the metrics of {folder}: {error.strerror}") from error
    if not rows:
        raise NotFound(f"{folder} has no metrics yet", "the first update writes them")
    kinds = ([row for row in rows if row.get("kind") == kind] for kind in ("train", "eval"))
    return RunMetrics(folder, *map(_columns, kinds))


def _columns(rows: Sequence[dict[str, Any]]) -> Columns:
    """Collect the numbers of the rows into columns; integer columns stay integer."""
    flat = [dict(_numbers(row)) for row in rows]
    names = dict.fromkeys(name for row in flat for name in row)
    return {name: np.array([row.get(name, math.nan) for row in flat]) for name in names}


def _numbers(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers inside a value by name; null gives nan, other types are left out."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _numbers(item, f"{name}/{key}" if name else key)
    elif value is None:
        yield name, math.nan
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, value
