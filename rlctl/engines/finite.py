"""Check that the results of an update are finite, and find the cause if they are not."""

from typing import Any, Protocol

import numpy as np

from rlctl.core.errors import Diverged
from rlctl.core.specs import EnvSpec

# Squares of such values, summed over the steps of an update, approach the largest float32 (3e38).
HUGE = 1e12
_MAX_NAMED = 3  # quantities listed in the message
_RESCALE = (
    "rescale or clip it in the environment, for example with "
    "gymnasium.wrappers.TransformObservation; use 0 for a value that means 'nothing sensed'"
)
_SCALE_REWARD = "scale rewards down, in the environment or with the engine's reward_scaling"


class UpdateData(Protocol):
    """Data of an update."""

    @property
    def observation(self) -> Any:
        """(*B, O)."""
        ...

    @property
    def reward(self) -> Any:
        """(*B)."""
        ...


def check_finite(bad: list[str], hint: str, data: UpdateData, spec: EnvSpec, step: int) -> None:
    """Raise if quantities of an update are not finite.

    Args:
        bad: Names of the quantities that are not finite.
        hint: What to change, unless an observation or a reward is too large for float32.
        data: Data of the update.
        spec: Spec of the environment.
        step: Environment steps before the update.

    Raises:
        Diverged: `bad` is not empty.
    """
    if not bad:
        return
    more = f" and {len(bad) - _MAX_NAMED} more" if len(bad) > _MAX_NAMED else ""
    message = f"{', '.join(bad[:_MAX_NAMED])}{more} not finite in the update after step {step}"
    sizes = np.abs(np.asarray(data.observation)).reshape(-1, spec.observation_size).max(axis=0)
    largest = int(sizes.argmax())
    if sizes[largest] > HUGE:
        component = f"component {spec.observation_name(largest)}"
        message += f": {component} of the observation is as large as {sizes[largest]:.3g}"
        hint = _RESCALE
    elif (reward := np.abs(np.asarray(data.reward)).max()) > HUGE:
        message += f": a reward is as large as {reward:.3g}"
        hint = _SCALE_REWARD
    raise Diverged(
        message,
        f"the last checkpoint is intact; {hint}",
        data={"quantity": bad[0], "step": step},
    )
