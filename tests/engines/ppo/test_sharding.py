"""The update spread over devices gives what one device gives."""

import subprocess
import sys

SCRIPT = """
import jax, numpy as np
from rlctl.core.specs import Mirror, PolicySpec
from rlctl.engines.ppo import networks
from rlctl.engines.ppo.config import PPOConfig
from rlctl.engines.ppo.update import LearnerState, make_optimizer, make_update
from rlctl.rollouts.base import Unroll

spec = PolicySpec(3, 3, (-1.0,), (1.0,), (4,), (4,))
config = PPOConfig(entropy_cost=0.0)
mirror = Mirror((0, 1, 2), (1, -1, 1), (0,), (-1,))
draw = lambda *shape: np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)
zeros = np.zeros((5, 8), np.float32)
unroll = Unroll(
    draw(5, 8, 3), draw(5, 8, 1), draw(5, 8), draw(5, 8), zeros, zeros, zeros, draw(8, 3)
)
policy = networks.init(jax.random.PRNGKey(0), spec)
nets = networks.EquivariantNetworks(spec, mirror)
learned = nets.fresh(policy.params)
optimizer = make_optimizer(config, 8)
state = LearnerState(policy, learned, optimizer.init(learned), jax.random.PRNGKey(1))
update = make_update(nets, config, optimizer, 2)
state, losses = update(state, unroll)
print(len(jax.devices()), *(repr(float(x.sum())) for x in jax.tree.leaves(state.policy)))
"""


def test_two_devices_agree_with_one(monkeypatch):
    results = {}
    for count in (1, 2):
        monkeypatch.setenv("XLA_FLAGS", f"--xla_force_host_platform_device_count={count}")
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
        )
        devices, *sums = done.stdout.split()
        assert int(devices) == count
        results[count] = [float(x) for x in sums]
    for one, two in zip(results[1], results[2], strict=True):
        assert abs(one - two) <= 1e-4 * max(1.0, abs(one))
