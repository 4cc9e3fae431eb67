"""Tests of training by PPO: bitwise resume, stop by signals, errors after divergence."""

import contextlib
import json

import jax.numpy as jnp
import numpy as np
import probe_envs
import pytest
from probe_envs import probe  # noqa: F401
from resuming import train_in
from stopping import after_updates

from rlctl import catalog
from rlctl.checkpoints import store
from rlctl.checkpoints.reading import load
from rlctl.core.config import resolve, set_layer
from rlctl.core.errors import Diverged, Stopped
from rlctl.core.runs import Run
from rlctl.engines.config import TrainConfig
from rlctl.engines.ppo.config import PPOConfig

ALL = ("policy", "train", "envs")
UPDATE = 16 * 5  # steps of an update below
COMMANDS = "jax/carry/command"
TIMES = {"seconds", "steps_per_second"}  # wall clock, outside the promise


def settings(env, *extra):
    config = catalog.load(catalog.env(env).config)
    few = [
        "train.num_envs=16",
        "train.num_evals=0",
        "ppo.unroll_length=5",
        "ppo.num_minibatches=4",
        "ppo.num_updates_per_batch=2",
        "train.episode_length=7",
        "train.eval_episodes=4",
        "ppo.policy_hidden_layer_sizes=8",
        "ppo.value_hidden_layer_sizes=8",
        "train.keep_last=9",
    ]
    sections = {"train": TrainConfig, "ppo": PPOConfig, "env": config}
    return resolve(sections, [set_layer(few), set_layer(extra)])


@pytest.fixture
def start_run(tmp_path):
    """Return a function that creates runs; they are closed when the test ends."""
    with contextlib.ExitStack() as stack:
        yield lambda env, name="run": stack.enter_context(
            Run.create(env, "ppo", 0, tmp_path / name)
        )


def rows(run):
    text = (run.folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in text]


def assert_same(one, other):
    assert one.groups.keys() == other.groups.keys()
    for group, arrays in one.groups.items():
        assert arrays.keys() == other.groups[group].keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, other.groups[group][name], err_msg=name)


def test_two_halves_equal_the_whole_with_symmetry_muon_and_curriculum(start_run):
    env = "barkour"
    extra = ("ppo.symmetry=true", "ppo.optimizer=muon", f"train.curriculum_steps={3 * UPDATE}")
    evals = ("train.num_evals=3", f"train.steps={6 * UPDATE}", *extra)
    whole = start_run(env, "whole")
    train_in(whole, env, settings(env, *evals))

    halves = start_run(env, "halves")
    with pytest.raises(Stopped) as stopped:
        train_in(halves, env, settings(env, *evals), after_updates(3))
    assert stopped.value.exit_code == 143
    middle = store.newest_verified(halves.checkpoints, groups=ALL)
    assert middle.step == 3 * UPDATE
    train_in(halves, env, settings(env, *evals), start=middle, resume=True)

    assert store.steps(whole.checkpoints)[-1] == store.steps(halves.checkpoints)[-1] == 6 * UPDATE
    ends = [store.newest_verified(run.checkpoints, groups=ALL) for run in (whole, halves)]
    assert_same(*ends)
    assert rows(whole) == rows(halves)
    for key in ("episodes", "updates", "best", "initial"):
        assert ends[0].manifest[key] == ends[1].manifest[key]
    assert ends[0].manifest["metrics"]["return"] == ends[1].manifest["metrics"]["return"]


def test_every_part_of_the_state_is_needed_to_resume(start_run):
    """Damage one part at a time: the resumed training must then differ."""
    env, steps = "pendulum", f"train.steps={4 * UPDATE}"
    run = start_run(env, "whole")
    train_in(run, env, settings(env, steps, f"train.save_every={2 * UPDATE}"))
    middle = load(store.step_folder(run.checkpoints, 2 * UPDATE), ALL)
    end = load(store.step_folder(run.checkpoints, 4 * UPDATE), ALL)
    for group, name in [
        ("policy", "normalizer/mean"),
        ("train", "key"),
        ("envs", "physics"),
        ("envs", "time"),
    ]:
        damaged = load(middle.path, ALL)
        damaged.groups[group][name] = damaged.groups[group][name] + 1
        other = start_run(env, name.replace("/", "-"))
        train_in(other, env, settings(env, steps), start=damaged, resume=True)
        got = store.newest_verified(other.checkpoints, groups=ALL)
        kernel = "policy/hidden_0/kernel"
        assert (got.groups["policy"][kernel] != end.groups["policy"][kernel]).any(), name


def test_symmetry_and_optimizer_change_the_update(start_run):
    kernels = []
    for i, extra in enumerate([(), ("ppo.symmetry=true",), ("ppo.optimizer=muon",)]):
        run = start_run("barkour", f"run{i}")
        train_in(run, "barkour", settings("barkour", f"train.steps={UPDATE}", *extra))
        policy = store.newest_verified(run.checkpoints, groups=("policy",)).groups["policy"]
        kernels.append(policy["policy/hidden_0/kernel"])
    base, mirrored, muon = kernels
    assert (base != mirrored).any()
    assert (base != muon).any()


def test_the_curriculum_grows_harder(start_run):
    run = start_run("barkour", "run")
    steps = [f"train.steps={4 * UPDATE}", f"train.save_every={UPDATE}"]
    train_in(run, "barkour", settings("barkour", *steps, f"train.curriculum_steps={4 * UPDATE}"))
    fastest = [
        load(store.step_folder(run.checkpoints, update * UPDATE), ALL).groups["envs"][COMMANDS]
        for update in (1, 2, 3, 4)
    ]
    fastest = [commands[:, 0].max() for commands in fastest]
    # A checkpoint has the commands of what comes next: 0.6 to 1.5 m/s in eighths, two an update.
    assert (np.array(fastest) <= [0.825, 1.05, 1.275, 1.5]).all()
    assert fastest[0] > 0.5
    assert fastest[-1] > 1.05


class Explosive(probe_envs.Probe):
    """Probe with a NaN reward in some environments from the fourth step on."""

    steps = 10**9

    def reward(self, side, step, action):
        return jnp.where((step >= 4) & (side > 0), jnp.nan, 1.0)


def test_a_reward_that_is_not_finite_stops_the_training_and_is_named(probe, start_run):  # noqa: F811
    probe_envs.Explosive = Explosive
    name = probe(Explosive)
    run = start_run(name, "run")
    steps = f"train.steps={9 * UPDATE}"
    limit = "train.episode_length=100"
    with pytest.raises(Diverged, match=r"reward of environment .* at step 3") as diverged:
        train_in(run, name, settings(name, steps, limit))
    assert diverged.value.exit_code == 8

    patient = start_run(name, "patient")
    train_in(patient, name, settings(name, steps, limit, "train.on_nonfinite=reset"))
    assert sum(row["nonfinite"] for row in rows(patient)) > 0
    for array in (
        store.newest_verified(patient.checkpoints, groups=("policy",)).groups["policy"].values()
    ):
        assert np.isfinite(array).all()


@pytest.mark.parametrize(("num_envs", "minibatches"), [(1, 1), (16, 16), (32, 32), (512, 32)])
def test_without_settings_any_number_of_environments_makes_minibatches(num_envs, minibatches):
    from rlctl.engines.ppo.plan import make_plan

    plan = make_plan(TrainConfig(num_envs=num_envs), PPOConfig())
    assert (plan.minibatches, plan.left_out) == (minibatches, 0)


def test_a_plan_fits_or_says_what_would():
    from rlctl.core.errors import UsageError
    from rlctl.engines.ppo.plan import make_plan

    plan = make_plan(TrainConfig(num_envs=100, steps=5000), PPOConfig(num_minibatches=8))
    assert (plan.minibatch, plan.left_out) == (12, 4)
    assert plan.steps == 3 * 100 * 20
    few = make_plan(TrainConfig(num_envs=3), PPOConfig(num_minibatches=8))
    assert (few.unrolls, few.minibatch, few.left_out, few.steps_per_update) == (3, 1, 1, 9 * 20)
    with pytest.raises(UsageError, match="neither divides nor") as error:
        make_plan(TrainConfig(num_envs=3000), PPOConfig(batch_size=256, num_minibatches=32))
    assert "2048" in error.value.hint
    assert "4096" in error.value.hint
    wide = make_plan(TrainConfig(num_envs=4096), PPOConfig(batch_size=64, num_minibatches=0))
    assert (wide.minibatches, wide.minibatch, wide.unrolls) == (64, 64, 1)
    two = make_plan(TrainConfig(num_envs=4096), PPOConfig(batch_size=256, num_minibatches=32))
    assert two.unrolls == 2
    turns = make_plan(TrainConfig(num_envs=4096), PPOConfig(batch_size=64, num_minibatches=8))
    assert (turns.turns, turns.unrolls, turns.steps_per_update) == (8, 1, 512 * 20)
    with pytest.raises(UsageError) as error:
        make_plan(TrainConfig(num_envs=1000), PPOConfig(batch_size=64, num_minibatches=8))
    assert "512 and 1024" in error.value.hint
