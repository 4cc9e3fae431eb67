"""Conversion of training events to scalars, under the names that TensorBoard and W&B group by."""

import math
from collections.abc import Iterator
from typing import Any

from rlctl.core.progress import Event

_GROUPS = {"steps_per_second": "perf", "seconds": "perf"}  # of a training row; else `train`
_AXES = ("steps", "total")  # the x axis and its end, not metrics


def scalars(event: Event) -> dict[str, float]:
    """Return the finite numbers of a `progress` or `eval` event, {} for any other event.

    Names of training rows: train/return, train/length, ..., losses/NAME, terms/NAME,
    perf/steps_per_second, perf/seconds. Names of evaluations: eval/return, eval/return_std, ...,
    eval/terms/NAME, eval/tracking/COMMAND.
    """
    if event["event"] == "progress":
        values = dict(_training(event))
    elif event["event"] == "eval":
        values = dict(_evaluation(event))
    else:
        values = {}
    return {name: float(value) for name, value in values.items() if _is_finite_number(value)}


def _training(event: Event) -> Iterator[tuple[str, Any]]:
    for key, value in event.items():
        if isinstance(value, dict):
            yield from ((f"{key}/{name}", item) for name, item in value.items())
        elif key not in _AXES:
            yield f"{_GROUPS.get(key, 'train')}/{key}", value


def _evaluation(event: Event) -> Iterator[tuple[str, Any]]:
    for key, value in event.items():
        if not isinstance(value, dict):
            if key not in (*_AXES, *_GROUPS):  # the duration of an evaluation is not a metric
                yield f"eval/{key}", value
        elif "mean" in value:
            yield f"eval/{key}", value["mean"]
            yield from ((f"eval/{key}_{name}", value.get(name)) for name in ("std", "min", "max"))
        else:
            for name, item in value.items():  # reward terms have a mean, commands an error
                yield f"eval/{key}/{name}", item.get("mean", item.get("error"))


def _is_finite_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
