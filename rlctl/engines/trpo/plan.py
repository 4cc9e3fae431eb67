"""Plan of a training by TRPO: sizes and counts, computed before it starts."""

import math
from dataclasses import dataclass
from typing import Any

from rlctl.core.config import Resolved
from rlctl.core.errors import UsageError
from rlctl.engines import checkpoint_size
from rlctl.engines.api import Plan
from rlctl.engines.config import TrainConfig
from rlctl.engines.trpo.config import TRPOConfig
from rlctl.engines.trpo.networks import policy_spec


@dataclass(frozen=True, kw_only=True)
class TRPOPlan(Plan):
    """Sizes and counts of a training.

    Attributes:
        unroll_length: Control steps per environment in an update.
        fisher_rows: Steps of an update used for Fisher-vector products.
    """

    unroll_length: int
    fisher_rows: int


def make_plan(train: TrainConfig, trpo: TRPOConfig) -> TRPOPlan:
    """Compute the plan from the settings.

    Raises:
        UsageError: The number of environments does not divide the steps of an update; names the
            nearest numbers that do.
    """
    per_update, num_envs = trpo.steps_per_update, train.num_envs
    if per_update % num_envs:
        near = _nearest_divisors(per_update, num_envs)
        raise UsageError(
            f"train.num_envs {num_envs} does not divide trpo.steps_per_update {per_update}",
            f"nearest divisors: {' and '.join(map(str, near))}; "
            f"or --set trpo.steps_per_update={math.ceil(per_update / num_envs) * num_envs}",
        )
    updates = math.ceil(train.steps / per_update)
    steps = updates * per_update
    return TRPOPlan(
        unroll_length=per_update // num_envs,
        steps_per_update=per_update,
        updates=updates,
        steps=steps,
        fisher_rows=max(1, round(per_update * trpo.fvp_subsample)),
    )


def plan(settings: Resolved, env_name: str) -> TRPOPlan:
    """Return the plan without evaluations.

    Raises:
        UsageError: The settings do not fit together.
    """
    return make_plan(settings[TrainConfig], settings[TRPOConfig])


def sizes(settings: Resolved, env_name: str, plan: TRPOPlan) -> dict[str, Any]:
    """Return the disk space of checkpoints in MiB."""
    return checkpoint_size.estimate(
        settings,
        env_name,
        plan.save_every,
        lambda spec: policy_spec(spec, settings[TRPOConfig]),
        (0.0, 2.0),  # Adam's two moments of the value function; the policy has no optimizer
    )


def _nearest_divisors(number: int, around: int) -> list[int]:
    divisors = [d for d in range(1, number + 1) if number % d == 0]
    below = [d for d in divisors if d < around][-1:]
    above = [d for d in divisors if d > around][:1]
    return below + above
