"""Plan of a training by PPO: sizes and counts, computed before it starts."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.config import Resolved
from rlctl.core.errors import UsageError
from rlctl.core.specs import EnvSpec
from rlctl.engines import checkpoint_size
from rlctl.engines.api import Plan
from rlctl.engines.config import TrainConfig
from rlctl.engines.ppo.config import PPOConfig
from rlctl.engines.ppo.networks import policy_spec
from rlctl.rollouts.devices import Devices
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
        devices: Devices that share the environments.
        shards: Equal parts of an update's unrolls. Every minibatch takes as many from each.
    """

    unrolls: int
    turns: int
    minibatches: int
    minibatch: int
    left_out: int
    devices: int = 1
    shards: int = 1

    @property
    def columns(self) -> int:
        """Unrolls of one environment in an update."""
        return self.minibatches * self.minibatch + self.left_out


def make_plan(train: TrainConfig, ppo: PPOConfig) -> PPOPlan:
    """Compute the plan from the settings.

    Raises:
        UsageError: The settings need a fractional number of unrolls, or parts of different sizes;
            names the nearest values that work.
    """
    num_envs, minibatches = train.num_envs, ppo.num_minibatches
    shards = _count_shards(train, ppo)
    unrolls = turns = 1
    if minibatches and ppo.batch_size:
        needed = ppo.batch_size * minibatches
        unrolls, turns = max(1, needed // num_envs), max(1, num_envs // needed)
    elif minibatches:
        unrolls = math.ceil(minibatches * shards / num_envs)
    elif ppo.batch_size:
        minibatches = max(1, num_envs // ppo.batch_size)
    else:
        minibatches = min(_MINIBATCHES, num_envs // shards)
    columns = unrolls * num_envs // turns
    minibatch = columns // shards // minibatches * shards
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
        minibatch=minibatch,
        left_out=columns - minibatches * minibatch,
        devices=train.devices,
        shards=shards,
    )


def _count_shards(train: TrainConfig, ppo: PPOConfig) -> int:
    """Return the number of shards, after checking that everything divides evenly.

    Raises:
        UsageError: Something does not; names the nearest values that do.
    """
    shards = ppo.shards or train.devices
    needed = ppo.batch_size * ppo.num_minibatches  # unrolls of an update; 0 if it is free
    uneven = "does not divide evenly over {} {}"
    _check(
        "ppo.shards",
        shards,
        lambda n: n % train.devices == 0,
        uneven.format(train.devices, "devices"),
    )
    uneven = uneven.format(shards, "shards")
    _check("ppo.batch_size", ppo.batch_size, lambda n: n % shards == 0, uneven)

    def fits(num_envs: int) -> bool:
        whole = not needed or needed % num_envs == 0 or num_envs % needed == 0
        return whole and num_envs % shards == 0

    if train.num_envs % shards:
        _check("train.num_envs", train.num_envs, fits, uneven)
    _check(
        "train.num_envs",
        train.num_envs,
        fits,
        f"neither divides nor is a multiple of ppo.batch_size {ppo.batch_size} x "
        f"ppo.num_minibatches {ppo.num_minibatches} = {needed} unrolls per update",
        "; or set ppo.batch_size or ppo.num_minibatches to 0, which fits any number",
    )
    return shards


def _check(name: str, value: int, fits: Callable[[int], bool], why: str, hint: str = "") -> None:
    """Refuse a setting that does not fit; name the nearest values below and above that do."""
    if fits(value):
        return
    below = next((n for n in range(value - 1, 0, -1) if fits(n)), None)
    above = next(n for n in itertools.count(value + 1) if fits(n))
    near = f"{below} and {above}" if below else f"{above}"
    raise UsageError(f"{name} {value} {why}", f"nearest values of {name}: {near}{hint}")


def warn_if_divided_anew(
    counts: PPOPlan, checkpoint: Checkpoint, warn: Callable[[str], None]
) -> None:
    """Warn if a resumed training divides its environments otherwise than before."""
    saved = checkpoint.manifest["config"]
    devices = saved.get("train", {}).get("devices", 1)
    shards = saved.get("ppo", {}).get("shards", 0) or devices
    if counts.shards != shards:
        warn(
            f"{checkpoint.path} was saved with {shards} shards, and there are {counts.shards} now: "
            f"minibatches are drawn otherwise; ppo.shards={shards} keeps them"
        )
    elif counts.devices != devices:
        warn(
            f"{checkpoint.path} was saved with {devices} devices, and there are {counts.devices} "
            "now: it does not resume bit for bit, because sums are rounded otherwise"
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
    counts = make_plan(settings[TrainConfig], ppo)
    if counts.devices > 1:
        Devices.first(counts.devices)  # fails if there are fewer
    return counts


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
