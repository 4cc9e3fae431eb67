"""What a training will do, worked out before it starts."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from rlctl.core.config import Resolved
from rlctl.core.errors import UsageError
from rlctl.engines import checkpoint_size, evaluations
from rlctl.engines.config import TrainConfig
from rlctl.engines.trpo.config import TRPOConfig
from rlctl.engines.trpo.networks import policy_spec


@dataclass(frozen=True)
class Plan:
    """The shape of a training, all counts.

    Attributes:
        unroll_length: Steps that each environment takes in an update.
        steps_per_update: Environment steps in an update.
        updates: Updates in all.
        steps: Environment steps in all: what was asked, rounded up to whole updates.
        fisher_rows: Steps of an update that Fisher products are taken over.
        eval_every: Steps between evaluations, 0 for none. `evaluations.fit` fills in this and the
            following.
        eval_episodes: Episodes of an evaluation.
        save_every: Steps between checkpoints.
    """

    unroll_length: int
    steps_per_update: int
    updates: int
    steps: int
    fisher_rows: int
    eval_every: int = 0
    eval_episodes: int = 0
    save_every: int = 0


def make_plan(train: TrainConfig, trpo: TRPOConfig) -> Plan:
    """Fit the settings together.

    Raises:
        UsageError: The environments cannot share the steps of an update evenly; names the nearest
            numbers of them that can.
    """
    per_update, num_envs = trpo.steps_per_update, train.num_envs
    if per_update % num_envs:
        near = _nearest_divisors(per_update, num_envs)
        raise UsageError(
            f"train.num_envs {num_envs} does not divide trpo.steps_per_update {per_update}",
            f"nearest that do: {' and '.join(map(str, near))}; "
            f"or --set trpo.steps_per_update={math.ceil(per_update / num_envs) * num_envs}",
        )
    updates = math.ceil(train.steps / per_update)
    steps = updates * per_update
    return Plan(
        unroll_length=per_update // num_envs,
        steps_per_update=per_update,
        updates=updates,
        steps=steps,
        fisher_rows=max(1, round(per_update * trpo.fvp_subsample)),
    )


def plan(settings: Resolved, env_name: str) -> dict[str, Any]:
    """The plan for `--dry-run`: counts, and the disk in MiB where it is known.

    Raises:
        UsageError: The settings do not fit together.
    """
    train = settings["train"]
    made = make_plan(train, settings["trpo"])
    made = evaluations.fit(made, train, evaluations.limit(env_name, settings))
    return {
        **asdict(made),
        "evals": evaluations.count(made),
        "num_envs": train.num_envs,
        **checkpoint_size.plan(
            settings,
            env_name,
            made.save_every,
            lambda spec: policy_spec(spec, settings["trpo"]),
            (0.0, 2.0),  # Adam's moments of the value function
        ),
    }


def _nearest_divisors(number: int, around: int) -> list[int]:
    divisors = [d for d in range(1, number + 1) if number % d == 0]
    below = [d for d in divisors if d < around][-1:]
    above = [d for d in divisors if d > around][:1]
    return below + above
