"""What an update learned must be finite; where it is not, why."""

from typing import Any, Protocol

import numpy as np

from rlctl.core.errors import Diverged
from rlctl.core.specs import EnvSpec

HUGE = 1e12  # its squares, summed over the steps of an update, come near to where float32 ends
_NAMED = 3  # quantities of many
_RESCALE = (
    "rescale or clip that in the environment, for example with "
    "gymnasium.wrappers.TransformObservation; a value that stands for nothing seen may be 0 as well"
)
_SCALE = "scale rewards down, in the environment or with the engine's reward_scaling"


class Learned(Protocol):
    """What an update learned from.

    Attributes:
        observation: (*B, O).
        reward: (*B).
    """

    observation: Any
    reward: Any


def check(bad: list[str], remedy: str, learned: Learned, spec: EnvSpec, step: int) -> None:
    """Stop where quantities of an update are not finite.

    Args:
        bad: Their names.
        remedy: What helps, unless an observation or a reward is too large for float32.
        learned: What the update learned from.
        spec: The environment's.
        step: Environment steps before the update.

    Raises:
        Diverged: There are any.
    """
    if not bad:
        return
    more = f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    message = f"{', '.join(bad[:_NAMED])}{more} not finite in the update after step {step}"
    sizes = np.abs(np.asarray(learned.observation)).reshape(-1, spec.observation_size).max(axis=0)
    largest = int(sizes.argmax())
    if sizes[largest] > HUGE:
        component = f"component {spec.observation_name(largest)}"
        message += f": {component} of the observation is as large as {sizes[largest]:.3g}"
        remedy = _RESCALE
    elif (reward := np.abs(np.asarray(learned.reward)).max()) > HUGE:
        message += f": a reward is as large as {reward:.3g}"
        remedy = _SCALE
    raise Diverged(
        message,
        f"the last checkpoint is intact; {remedy}",
        data={"quantity": bad[0], "step": step},
    )
