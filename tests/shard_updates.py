"""An update of PPO on a random unroll, by any number of devices and shards.

As a program, in a process whose CPU has several devices: print what an update costs on each.
"""

import json
import sys
from functools import partial

import jax
import numpy as np

from rlctl.engines.ppo import networks
from rlctl.engines.ppo.config import PPOConfig
from rlctl.engines.ppo.shards import spread
from rlctl.engines.ppo.update import LearnerState, make_optimizer, make_update
from rlctl.policies.mlp.spec import MLPSpec
from rlctl.rollouts.base import Unroll
from rlctl.rollouts.devices import COPIES, UNROLL, Devices

T, N, O, A = 8, 96, 4, 2
SPEC = MLPSpec(O, O, (-1.0,) * A, (1.0,) * A, (16,), (16,))
CONFIG = PPOConfig(num_updates_per_batch=2, max_grad_norm=1.0)


def random_unroll(seed=0):
    """Return an unroll whose shards differ much, so that it matters which means are taken."""
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return rng.normal(size=shape).astype(np.float32)

    ended = rng.random((T, N))
    return Unroll(
        observation=normal(T, N, O) + np.linspace(0, 5, N, dtype=np.float32)[:, None],
        extras=networks.ActionSample(normal(T, N, A), normal(T, N) - 2),
        reward=normal(T, N) * np.linspace(1, 9, N, dtype=np.float32),
        terminated=(ended < 0.1).astype(np.float32),
        truncated=(ended > 0.9).astype(np.float32),
        final=normal(T, N) * (ended > 0.9),
        last_observation=normal(N, O),
    )


def compiled(config, minibatches, shards, devices):
    """Return learner, unroll and the compiled update."""
    nets, optimizer = networks.Networks(SPEC), make_optimizer(config, 100)
    policy = networks.init(jax.random.PRNGKey(3), SPEC)
    learner = LearnerState(
        policy, policy.params, optimizer.init(policy.params), jax.random.PRNGKey(4)
    )
    given = devices.put((learner, random_unroll()), (COPIES, UNROLL))
    make = partial(make_update, nets, config, optimizer, minibatches)
    return given, spread(make, shards, devices).lower(*given).compile()


def run(given, update, devices):
    """Return the networks, normaliser and losses after an update."""
    learner, losses = devices.on_first(update(*given))
    return jax.device_get((learner.policy, losses))


def updated(config, minibatches, shards):
    """Return what one device updates in shards."""
    devices = Devices.first(1)
    return run(*compiled(config, minibatches, shards, devices), devices)


def largest_difference(one, other):
    """Return the largest difference of numbers, relative to those above 0.1."""
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return max(float(np.max(np.abs(a - b) / (0.1 + np.abs(a)))) for a, b in pairs)


def report(numbers):
    """Return, for each number of devices, FLOPs of a device and the difference from one device."""
    rows = {}
    for num in numbers:
        devices = Devices.first(num)
        given, update = compiled(CONFIG, 2, num, devices)
        one = updated(CONFIG, 2, num)
        rows[num] = {
            "flops": update.cost_analysis()["flops"],
            "difference": largest_difference(one, run(given, update, devices)),
        }
    return rows


if __name__ == "__main__":
    print(json.dumps(report([int(text) for text in sys.argv[1:]])))
