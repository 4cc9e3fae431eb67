"""Plan of a training by SAC: sizes and counts, computed before it starts."""

import math
from dataclasses import dataclass
from typing import Any

from rlctl.core.config import Resolved
from rlctl.engines import checkpoint_size
from rlctl.engines.api import Plan
from rlctl.engines.config import TrainConfig
from rlctl.engines.ppo.networks import policy_spec
from rlctl.engines.sac.config import SACConfig
from rlctl.rollouts.factory import make_environment


@dataclass(frozen=True, kw_only=True)
class SACPlan(Plan):
    """Sizes and counts of a training.

    Attributes:
        gradient_steps: Gradient steps in an update.
        capacity: Transitions that the replay buffer holds.
    """

    gradient_steps: int
    capacity: int


def make_plan(train: TrainConfig, sac: SACConfig) -> SACPlan:
    """Compute the plan from the settings."""
    per_update = train.num_envs * sac.unroll_length
    updates = math.ceil(train.steps / per_update)
    return SACPlan(
        gradient_steps=max(1, round(per_update * sac.updates_per_step)),
        capacity=min(sac.buffer_size, updates * per_update),
        steps_per_update=per_update,
        updates=updates,
        steps=updates * per_update,
    )


def plan(settings: Resolved, env_name: str) -> SACPlan:
    """Return the plan without evaluations, after checking that SAC can train the environment.

    Raises:
        UsageError: The environment's actions are discrete or unbounded.
    """
    sac = settings[SACConfig]
    policy_spec(make_environment(env_name, settings["env"]).spec, sac, "sac")
    return make_plan(settings[TrainConfig], sac)


def sizes(settings: Resolved, env_name: str, plan: SACPlan) -> dict[str, Any]:
    """Return the memory of the replay buffer and the disk space of checkpoints in MiB."""
    sac, spec = settings[SACConfig], make_environment(env_name, settings["env"]).spec
    row = 4 * (2 * spec.observation_size + spec.action_size + 2)
    buffer = plan.capacity * row / checkpoint_size.MIB
    found = checkpoint_size.estimate(
        settings,
        env_name,
        plan.save_every,
        lambda spec: policy_spec(spec, sac, "sac"),
        (2.0, 7.0),  # Adam's moments of the policy; of two critics, and the target critics
    )
    if found and sac.save_replay_buffer:
        found["checkpoint_mib"] += buffer
        found["disk_mib"] += (found["checkpoints_kept"] + 1) * buffer
    return {"memory_mib": buffer, **found}
