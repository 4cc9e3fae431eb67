"""Print what an update of PPO costs each of several devices.

    .venv/bin/python scripts/bench_devices.py

The CPU is split into eight devices, and Barkour's update is compiled for 1, 2, 3 and 8 of them:
plain networks, 512 unrolls of 20 steps (510 for 3), one pass of 4 minibatches. The counts are
XLA's own, so other load on the machine does not matter.
"""

import os
import re
from functools import partial
from typing import Any

NUM_ENVS, LENGTH, MINIBATCHES = 512, 20, 4
HIDDEN = (128,) * 4
DEVICES = (1, 2, 3, 8)


def main() -> None:
    """Print a row for each number of devices."""
    os.environ |= {"JAX_NUM_CPU_DEVICES": str(max(DEVICES)), "JAX_PLATFORMS": "cpu"}
    print("| devices | MFLOP of each | share | all-reduces | other collectives |")
    print("|---|---|---|---|---|")
    costs = {num: cost(num) for num in DEVICES}
    for num, (flops, reduces, others) in costs.items():
        share = flops / costs[1][0]
        print(f"| {num} | {flops / 1e6:,.0f} | {share:.3f} | {reduces} | {others} |")


def cost(num: int) -> tuple[float, int, int]:
    """Return the FLOPs of a device, and the all-reduces and other collectives in its program."""
    compiled = compile_update(num)
    text = compiled.as_text()
    reduces = len(re.findall(r" all-reduce(?:-start)?\(", text))
    others = len(re.findall(r" (?:all-gather|all-to-all|collective-permute)(?:-start)?\(", text))
    return compiled.cost_analysis()["flops"], reduces, others


def compile_update(num: int) -> Any:
    """Compile the update for `num` devices."""
    import jax

    from rlctl.engines.ppo import networks
    from rlctl.engines.ppo.config import PPOConfig
    from rlctl.engines.ppo.shards import spread
    from rlctl.engines.ppo.update import LearnerState, make_optimizer, make_update
    from rlctl.envs.barkour.config import BarkourConfig
    from rlctl.rollouts.devices import Devices
    from rlctl.rollouts.factory import make_environment
    from rlctl.rollouts.unrolls import unroll_shapes

    env = make_environment("barkour", BarkourConfig()).spec
    config = PPOConfig(
        policy_hidden_layer_sizes=HIDDEN, value_hidden_layer_sizes=HIDDEN, num_updates_per_batch=1
    )
    spec = networks.policy_spec(env, config)
    nets, optimizer = networks.Networks(spec), make_optimizer(config, MINIBATCHES)
    policy = networks.init(jax.random.PRNGKey(0), spec)
    moments = optimizer.init(policy.params)
    learner = LearnerState(policy, policy.params, moments, jax.random.PRNGKey(1))
    unroll = unroll_shapes(nets.actor(), policy, LENGTH, NUM_ENVS // num * num, env)
    make = partial(make_update, nets, config, optimizer, MINIBATCHES)
    return spread(make, num, Devices.first(num)).lower(learner, unroll).compile()


if __name__ == "__main__":
    main()
