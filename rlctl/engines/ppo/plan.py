"""Plan of a training by PPO: sizes and counts, computed before it starts."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rlctl.core.config import Resolved
from rlctl.core.errors import UsageError
from rlctl.core.specs import EnvSpec
from rlctl.engines import checkpoint_size
from rlctl.engines.api import Plan
from rlctl.engines.config import TrainConfig
from rlctl.engines.ppo.config import PPOConfig
from rlctl.engines.ppo.networks import policy_spec
from rlctl.rollouts.factory import make_environment

_MINIBATCHES = 32  # per epoch, if neither ppo.num_minibatches nor ppo.batch_size is set


@dataclass(frozen=True, kw_only=True)
class PPOPlan(Plan):
    """Sizes and counts of a training.

    Attributes:
        unrolls: Consecutive unrolls in an update of each environment that takes part in it.
        turns: Groups of environments used in turn (round robin): an update uses num_envs / turns
            environments. A turn lasts as long as the time limit of an episode.
        minibatches: Gradient steps of an epoch.
        minibatch: Unrolls in a minibatch.
        left_out: Unrolls that each epoch leaves out because they do not divide evenly.
    """

    unrolls: int
    turns: int
    minibatches: int
    minibatch: int
    left_out: int

    @property
    def columns(self) -> int:
        """Unrolls of one environment in an update."""
        return self.minibatches * self.minibatch + self.left_out


def make_plan(train: TrainConfig, ppo: PPOConfig) -> PPOPlan:
    """Compute the plan from the settings.

    Raises:
        UsageError: The settings need a fractional number of unrolls; names the nearest values that
            work.
    """
    num_envs, minibatches = train.num_envs, ppo.num_minibatches
    unrolls = turns = 1
    if not minibatches and ppo.batch_size:
        minibatches = max(1, num_envs // ppo.batch_size)
    elif not minibatches:
        minibatches = min(_MINIBATCHES, num_envs)
    elif ppo.batch_size:
        needed = ppo.batch_size * minibatches
        if needed % num_envs and num_envs % needed:
            near = _nearest_fits(needed, num_envs)
            raise UsageError(
                f"train.num_envs {num_envs} neither divides nor is a multiple of ppo.batch_size "
                f"{ppo.batch_size} x ppo.num_minibatches {minibatches} = {needed} unrolls per "
                "update",
                f"nearest values of train.num_envs: {' and '.join(map(str, near))}; or set "
                "ppo.batch_size or ppo.num_minibatches to 0, which fits any number",
            )
        unrolls, turns = max(1, needed // num_envs), max(1, num_envs // needed)
    else:
        unrolls = math.ceil(minibatches / num_envs)
    columns = unrolls * num_envs // turns
    per_update = columns * ppo.unroll_length
    updates = math.ceil(train.steps / per_update)
    steps = updates * per_update
    return PPOPlan(
        unrolls=unrolls,
        turns=turns,
        steps_per_update=per_update,
        updates=updates,
        steps=steps,
        minibatches=minibatches,
        minibatch=columns // minibatches,
        left_out=columns % minibatches,
    )


def plan(settings: Resolved, env_name: str) -> PPOPlan:
    """Return the plan without evaluations, after checking that PPO can train the environment.

    Raises:
        UsageError: The settings do not fit together or do not fit the environment.
    """
    ppo, spec = settings[PPOConfig], make_environment(env_name, settings["env"]).spec
    policy_spec(spec, ppo)
    if ppo.symmetry:
        _check_symmetry(spec, ppo)
    return make_plan(settings[TrainConfig], ppo)


def sizes(settings: Resolved, env_name: str, plan: PPOPlan) -> dict[str, Any]:
    """Return the memory of an update and the disk space of checkpoints in MiB."""
    ppo, spec = settings[PPOConfig], make_environment(env_name, settings["env"]).spec
    copies = 3.0 if ppo.optimizer == "adam" else 2.0  # learned parameters and optimizer moments
    copies /= 2 if ppo.symmetry else 1  # blocks have half the parameters
    disk = checkpoint_size.estimate(
        settings, env_name, plan.save_every, lambda spec: policy_spec(spec, ppo), (copies, copies)
    )
    return {"memory_mib": _memory(plan, spec, ppo) / 2**20, **disk}


def _check_symmetry(spec: EnvSpec, ppo: PPOConfig) -> None:
    """Check that the environment and the networks can be symmetric.

    Raises:
        UsageError: They cannot.
    """
    if spec.symmetry is None:
        raise UsageError(f"{spec.id} defines no left-right symmetry", "--set ppo.symmetry=false")
    for name in ("policy_hidden_layer_sizes", "value_hidden_layer_sizes"):
        sizes = getattr(ppo, name)
        if any(size % 2 for size in sizes):
            raise UsageError(
                f"ppo.{name} is {list(sizes)}; with ppo.symmetry every hidden layer needs an "
                "even number of units",
                "change it, or --set ppo.symmetry=false",
            )


def _memory(counts: PPOPlan, spec: EnvSpec, ppo: PPOConfig) -> float:
    """Return the bytes of one update: unroll, minibatch, networks with gradient and moments."""
    observation, action = spec.observation_size, spec.action_size
    per_step = observation + action + 5
    policy = (observation, *ppo.policy_hidden_layer_sizes, 2 * action)
    value = (observation, *ppo.value_hidden_layer_sizes, 1)
    weights = sum((i + 1) * o for sizes in (policy, value) for i, o in pairwise(sizes))
    activations = 4 * (sum(policy) + sum(value))  # forward and backward, before and after
    minibatch = counts.minibatch * ppo.unroll_length
    return 4.0 * (counts.steps_per_update * per_step + minibatch * activations + 5 * weights)


def _nearest_fits(number: int, around: int) -> list[int]:
    """Return the divisors or multiples of `number` nearest to `around`, which is neither."""
    if around > number:
        below = around // number * number
        return [below, below + number]
    divisors = [d for d in range(1, number + 1) if number % d == 0]
    return [max(d for d in divisors if d < around), min(d for d in divisors if d > around)]
