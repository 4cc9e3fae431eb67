"""What an event tells, as numbers under the names that TensorBoard and W&B group by."""

import math
from collections.abc import Iterator
from typing import Any

from rlctl.core.progress import Event

_ROOMS = {"steps_per_second": "perf", "seconds": "perf"}  # of a training row; else `train`
_AXES = ("steps", "total")


def scalars(event: Event) -> dict[str, float]:
    """The finite numbers of a `progress` or `eval` event, {} of any other.

    train/return, train/length, ..., losses/NAME, terms/NAME, perf/steps_per_second, perf/seconds;
    and of evaluations eval/return, eval/return_std, ..., eval/terms/NAME, eval/tracking/COMMAND.
    """
    if event["event"] == "progress":
        found = dict(_training(event))
    elif event["event"] == "eval":
        found = dict(_evaluation(event))
    else:
        found = {}
    return {name: float(value) for name, value in found.items() if _is_number(value)}


def _training(event: Event) -> Iterator[tuple[str, Any]]:
    for key, value in event.items():
        if isinstance(value, dict):
            yield from ((f"{key}/{name}", item) for name, item in value.items())
        elif key not in _AXES:
            yield f"{_ROOMS.get(key, 'train')}/{key}", value


def _evaluation(event: Event) -> Iterator[tuple[str, Any]]:
    for key, value in event.items():
        if not isinstance(value, dict):
            if key not in (*_AXES, *_ROOMS):  # the evaluation's own time is nobody's curve
                yield f"eval/{key}", value
        elif "mean" in value:
            yield f"eval/{key}", value["mean"]
            yield from ((f"eval/{key}_{name}", value.get(name)) for name in ("std", "min", "max"))
        else:
            for name, item in value.items():
                yield f"eval/{key}/{name}", item.get("mean", item.get("error"))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
