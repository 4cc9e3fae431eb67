"""Tests of training by TRPO: bitwise resume, effect of every setting, errors."""

import dataclasses
import json

import numpy as np
import numpy_problems as problems
import pytest
from resuming import train_in
from stopping import after_updates

from rlctl.checkpoints import store
from rlctl.core.errors import Stopped, UsageError
from rlctl.engines.config import TrainConfig
from rlctl.engines.trpo import train as loop
from rlctl.engines.trpo.config import TRPOConfig
from rlctl.engines.trpo.plan import make_plan

ALL = ("policy", "train", "envs")
UPDATE = 64  # steps of an update below
TIMES = {"seconds", "steps_per_second", "split"}  # wall clock, outside the promise


def rows(run):
    text = (run.folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in text]


def newest(run):
    return store.newest_verified(run.checkpoints, groups=ALL)


def differing(one, other):
    """Return the names of the arrays that differ."""
    pairs = [
        (f"{group}/{name}", array, other.groups[group][name])
        for group, arrays in one.groups.items()
        for name, array in arrays.items()
    ]
    return {name for name, a, b in pairs if not np.array_equal(a, b)}


def test_two_halves_of_a_categorical_policy_equal_the_whole(settings, start_run, monkeypatch):
    problems.install(monkeypatch, problems.CHOSEN)
    few = settings("train.num_evals=3", f"train.steps={6 * UPDATE}")
    whole, halves = start_run("whole"), start_run("halves")
    train_in(whole, "problem", few)
    with pytest.raises(Stopped):
        train_in(halves, "problem", few, after_updates(3))
    train_in(halves, "problem", few, start=newest(halves), resume=True)
    assert rows(whole) == rows(halves)
    whole, halves = newest(whole), newest(halves)
    assert whole.groups["policy"].keys() == halves.groups["policy"].keys()
    assert not differing(whole, halves)
    for key in ("episodes", "updates", "best", "initial"):
        assert whole.manifest[key] == halves.manifest[key]


CHANGES = {
    "activation": "relu",
    "cg_damping": 0.5,
    "cg_iterations": 2,
    "cg_tolerance": 0.1,
    "discounting": 0.5,
    "entropy_cost": 0.1,
    "fvp_subsample": 0.5,
    "gae_lambda": 0.1,
    "init_log_std": -1.0,
    "kl_acceptance": 0.1,
    "line_search_shrink": 0.3,
    "line_search_steps": 1,
    "max_kl": 0.05,
    "max_kl_schedule": "linear",
    "normalize_advantage": "false",
    "normalize_observations": "false",
    "normalizer_clip": 0.1,
    "output_scale": 1.0,
    "policy_hidden_layer_sizes": "8,8",
    "reward_scaling": 0.5,
    "steps_per_update": 128,
    "value_epochs": 3,
    "value_hidden_layer_sizes": "8,8",
    "value_learning_rate": 0.01,
    "value_minibatch": 16,
}
TIGHT = "trpo.kl_acceptance=0.2"  # so that the line search has something to do


@pytest.fixture
def base(trained):
    def run(*extra, name="base"):
        problem = dataclasses.replace(problems.BOTH, steps=3)
        return trained(problem, TIGHT, f"train.steps={4 * UPDATE}", *extra, name=name)

    return run


def test_the_settings_below_are_all_there_are():
    assert sorted(CHANGES) == sorted(field.name for field in dataclasses.fields(TRPOConfig))


@pytest.fixture(scope="module")
def once():
    """Return a cache for the run without changes."""
    return {}


@pytest.mark.parametrize("setting", CHANGES)
def test_every_setting_has_an_effect(setting, base, once):
    """Change one setting: networks that stay the same would mean that it is ignored."""
    network = "value/" if setting.startswith("value") else "policy/"
    one = once["base"] = once.get("base") or base()
    other = base(f"trpo.{setting}={CHANGES[setting]}", name="other")
    differ = {
        name
        for name, array in one.groups["policy"].items()
        if not np.array_equal(array, other.groups["policy"].get(name))
    }
    assert any(name.startswith(network) for name in differ)


def test_the_same_seed_gives_the_same_run_and_another_one_another(base):
    assert not differing(base(), base(name="again"))
    assert differing(base(name="third"), base("train.seed=1", name="other"))


def test_a_linear_schedule_shrinks_the_trust_region_to_nothing(trained, tmp_path):
    trained(problems.BOTH, f"train.steps={4 * UPDATE}", "trpo.max_kl_schedule=linear")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    for line, left in zip(lines, (1.0, 0.75, 0.5, 0.25), strict=True):
        losses = json.loads(line)["losses"]
        assert 0.0 < losses["kl"] <= losses["max_kl"] == pytest.approx(0.01 * left)


def test_every_row_has_the_metrics_of_its_update(trained, tmp_path):
    trained(problems.BOTH, f"train.steps={3 * UPDATE}")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    for line in lines:
        row = json.loads(line)
        assert {"collect", "policy", "value"} == row["split"].keys()
        found = row["losses"]
        assert found["rejected"] is None
        assert 0.0 < found["kl"] <= 0.01
        for name in ("surrogate_predicted", "surrogate_gain", "curvature", "cg_iterations"):
            assert found[name] > 0.0
        for name in ("cg_residual", "entropy", "explained_variance", "v_loss", "gradient_norm"):
            assert np.isfinite(found[name])
        assert row["episodes"] == row["steps"]
    assert len(lines) == 3


def test_a_rejected_step_leaves_the_policy_and_says_why(trained, tmp_path):
    checkpoint = trained(problems.BOTH, f"train.steps={UPDATE}", "trpo.kl_acceptance=0.001")
    row = json.loads((tmp_path / "run" / "metrics.jsonl").read_text())
    assert "the KL is too large" in row["losses"]["rejected"]
    from rlctl.checkpoints.manifest import digests

    now, initial = digests(checkpoint.groups["policy"]), checkpoint.manifest["initial"]
    changed = {name for name in now if now[name] != initial[name]}
    assert not {name for name in changed if name.startswith("policy/")}
    assert {name for name in changed if name.startswith("value/")}


def test_a_plan_fits_or_says_what_would():
    plan = make_plan(TrainConfig(num_envs=16, steps=5000), TRPOConfig())
    assert (plan.unroll_length, plan.updates, plan.steps) == (128, 3, 6144)
    assert plan.fisher_rows == 410
    with pytest.raises(UsageError, match="does not divide") as error:
        make_plan(TrainConfig(num_envs=20), TRPOConfig())
    assert "16 and 32" in error.value.hint
    assert "steps_per_update=2060" in error.value.hint


def test_torch_keeps_its_threads(settings, start_run, monkeypatch):
    import torch

    problems.install(monkeypatch, problems.CONSTANT)
    before = torch.get_num_threads()
    seen = []
    monkeypatch.setattr(loop.step, "update_policy", lambda *_: seen.append(torch.get_num_threads()))
    with pytest.raises(TypeError):
        train_in(start_run(), "problem", settings())
    assert seen == [1]
    assert torch.get_num_threads() == before
