"""Tests of PPO's update in shards: it is the same update, and devices share its work."""

import dataclasses
import json
import os
import subprocess
import sys

import jax
import numpy as np
import pytest
import shard_updates
from shard_updates import CONFIG, N, largest_difference, updated

from rlctl.core.errors import UsageError
from rlctl.engines.config import TrainConfig
from rlctl.engines.ppo.config import PPOConfig
from rlctl.engines.ppo.plan import make_plan
from rlctl.engines.ppo.shards import Reduction

TOLERANCE = 2e-6  # of an update, relative to the largest number of each array


def on_several_devices(*numbers):
    done = subprocess.run(
        [sys.executable, shard_updates.__file__, *map(str, numbers)],
        env=os.environ | {"JAX_NUM_CPU_DEVICES": str(max(numbers))},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return {int(num): row for num, row in json.loads(done.stdout).items()}


@pytest.mark.parametrize(("shards", "normalize_advantage"), [(2, True), (3, False)])
def test_an_update_in_shards_is_the_update_of_the_whole(shards, normalize_advantage):
    """Check it where a minibatch has everything: no shuffling, and no noise of the entropy."""
    config = dataclasses.replace(CONFIG, entropy_cost=0.0, normalize_advantage=normalize_advantage)
    whole, parts = (updated(config, 1, num) for num in (1, shards))
    assert largest_difference(whole, parts) < TOLERANCE


def test_every_shard_has_a_random_key_of_its_own():
    key = jax.random.PRNGKey(5)
    keys = jax.vmap(Reduction(("a",)).key, None, axis_name="a", axis_size=3)(key)
    np.testing.assert_array_equal(keys[0], key)  # so that one shard gives the numbers of the whole
    assert len(np.unique(keys, axis=0)) == 3


@pytest.mark.parametrize(
    "num", [2, pytest.param(3, marks=pytest.mark.slow), pytest.param(8, marks=pytest.mark.slow)]
)
def test_devices_share_the_work_and_get_the_result_of_one(num):
    rows = on_several_devices(1, num)
    assert rows[num]["difference"] < TOLERANCE
    assert rows[num]["flops"] == pytest.approx(rows[1]["flops"] / num, rel=0.15)


def test_every_number_of_environments_is_accepted_or_answered_with_ones_that_are():
    for num_envs in range(1, 30):
        for devices in (1, 2, 3):
            for minibatches, batch in ((0, 0), (4, 0), (0, 6), (4, 6), (1, 5)):
                check_plan(num_envs, devices, minibatches, batch)


def check_plan(num_envs, devices, minibatches, batch):
    train = TrainConfig(num_envs=num_envs, devices=devices)
    ppo = PPOConfig(num_minibatches=minibatches, batch_size=batch)
    try:
        plan = make_plan(train, ppo)
    except UsageError as error:
        name, _, near = (
            error.hint.partition(";")[0].removeprefix("nearest values of ").partition(": ")
        )
        for value in map(int, near.split(" and ")):
            section, _, key = name.partition(".")
            if section == "train":
                make_plan(dataclasses.replace(train, **{key: value}), ppo)
            else:
                assert value % devices == 0
        return
    columns = plan.unrolls * num_envs // plan.turns
    assert (num_envs // plan.turns) % devices == columns % devices == 0
    assert plan.minibatch >= devices
    assert plan.minibatch % devices == 0
    assert plan.minibatches * plan.minibatch + plan.left_out == columns
    assert batch == 0 or plan.minibatch >= batch or plan.minibatches == 1


def test_shards_are_a_multiple_of_the_devices():
    plan = make_plan(TrainConfig(num_envs=N, devices=2), PPOConfig(shards=6))
    assert (plan.devices, plan.shards) == (2, 6)
    with pytest.raises(UsageError, match=r"ppo.shards 4 does not divide evenly over 3 devices"):
        make_plan(TrainConfig(num_envs=N, devices=3), PPOConfig(shards=4))
