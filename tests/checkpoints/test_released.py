"""Checkpoints of every released schema are read, act the same, and can be resumed.

Those in released/ were made by the code of their time (scripts/build_schema_fixtures.py) and are
never replaced.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints.resealed import forge

from rlctl.actions.evaluate import EvalRequest, evaluate
from rlctl.actions.import_ import ImportRequest, import_
from rlctl.actions.train import TrainRequest, train
from rlctl.checkpoints import manifest, store
from rlctl.checkpoints.migrations import MIGRATIONS, migrate
from rlctl.checkpoints.reading import load
from rlctl.core.errors import Incompatible
from rlctl.policies.base import policy_of

RELEASED = Path(__file__).parent / "released"
RUNS = sorted(path.parent for path in RELEASED.glob("*/*/config.json"))
CHOOSING = "gym:toy_gym:Odd-v0"
ALL = ("policy", "train", "envs")


def of(run: Path) -> str:
    return "/".join(run.parts[-2:])


@pytest.fixture
def run(request, tmp_path):
    """Return a copy; the original must not change."""
    return shutil.copytree(request.param, tmp_path / "run")


def test_there_is_one_of_every_schema():
    minors = {json.loads(next(run.rglob("manifest.json")).read_bytes())["schema"]["minor"]
              for run in RUNS}  # fmt: skip
    assert minors >= set(range(len(MIGRATIONS)))
    assert len(RUNS) >= 3


@pytest.mark.parametrize("run", RUNS, ids=of, indirect=True)
def test_it_acts_as_it_did(run):
    recorded = json.loads((run / "actions.json").read_bytes())
    policy = policy_of(store.newest_verified(run / "checkpoints", groups=("policy",)))
    action = policy.act(np.array(recorded["observation"]))
    assert len(np.unique(action)) > 10
    np.testing.assert_allclose(action, recorded["action"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("run", RUNS, ids=of, indirect=True)
def test_it_is_evaluated(run):
    report = evaluate(EvalRequest("pendulum", str(run), episodes=2, max_episode_steps=10))
    assert report.summary["length"]["mean"] == 10


@pytest.mark.parametrize("run", RUNS, ids=of, indirect=True)
def test_its_training_goes_on(run):
    folder = run / "checkpoints"
    files = {path: path.read_bytes() for path in store.newest_verified(folder).path.iterdir()}
    before = load(store.step_folder(folder, 320), ALL)
    report = train(TrainRequest(resume=str(run), flags={"train.steps": 480}))
    assert report.result.steps == 480
    after = load(report.result.checkpoint, ALL)
    assert after.manifest["schema"] == manifest.SCHEMA
    assert after.manifest["initial"] == before.manifest["initial"]
    for group in ALL:
        assert after.groups[group].keys() == before.groups[group].keys()
    kernel = "policy/hidden_0/kernel"
    moved = np.abs(after.groups["policy"][kernel] - before.groups["policy"][kernel]).max()
    assert 0 < moved < 0.1  # went on from there rather than from the beginning
    for path, data in files.items():
        assert not path.exists() or path.read_bytes() == data  # kept or pruned, never rewritten


def test_what_was_not_known_then_is_null():
    run = RELEASED / "1.0" / "ppo"
    path = store.newest_verified(run / "checkpoints").path
    assert load(path).manifest["env"]["model_sha256"] is None
    assert load(path).manifest["schema"]["minor"] == 0  # it goes on saying what it is
    assert "model_sha256" not in json.loads((path / manifest.NAME).read_bytes())["env"]


def test_networks_are_what_the_first_checkpoints_learned():
    path = store.newest_verified(RELEASED / "1.0-early" / "ppo" / "checkpoints").path
    groups = load(path, ALL).groups
    learned = {name: array for name, array in groups["train"].items() if "learned/" in name}
    assert len(learned) == 12
    for name, array in learned.items():
        np.testing.assert_array_equal(array, groups["policy"][name.removeprefix("learned/")])


def test_migrating_changes_nothing_it_is_given():
    path = store.newest_verified(RELEASED / "1.0-early" / "ppo" / "checkpoints").path
    facts = json.loads((path / manifest.NAME).read_bytes())
    groups = {"policy": {"policy/a": np.zeros(1)}, "train": {"key": np.zeros(1)}}
    before = json.dumps(facts), {name: dict(arrays) for name, arrays in groups.items()}
    migrated, arrays = migrate(facts, groups)
    assert (json.dumps(facts), groups) == before
    assert "learned/policy/a" in arrays["train"]
    assert migrate(migrated | {"schema": manifest.SCHEMA}, arrays)[0]["env"] == migrated["env"]


@pytest.mark.parametrize("change", [{"engine": "trpo"}, {"config": {"ppo": {"mirror": True}}}])
def test_what_was_learned_otherwise_is_not_made_up(change):
    path = store.newest_verified(RELEASED / "1.0-early" / "ppo" / "checkpoints").path
    facts = json.loads((path / manifest.NAME).read_bytes()) | change
    groups = {"policy": {"policy/a": np.zeros(1)}, "train": {"key": np.zeros(1)}}
    assert migrate(facts, groups)[1] == groups


def choosing(folder, start):
    """Return a checkpoint of schema 1.1 whose discrete actions start at `start`."""
    path = imported(folder, start)

    def older(content):
        content["schema"]["minor"] = 1
        content["env"]["spec"]["action"][0] |= {"low": start, "high": start + 2}
        content["policy"] |= {"action_low": [start], "action_high": [start + 2]}

    return forge(path, older)


def imported(folder, start):
    """Return a linear policy of three discrete actions, written by this version."""
    weights = {"actor.weight": torch.tensor([[-1.0], [0.0], [1.0]]), "actor.bias": torch.zeros(3)}
    torch.save(weights, folder / "actor.pt")
    options = (f"env.start={start}", "env.takes=choice")
    request = ImportRequest(folder / "actor.pt", folder / "made", CHOOSING, overrides=options)
    return import_(request).path


@pytest.mark.parametrize("start", [-7, 5, 2**24 - 2])
def test_choices_are_numbered_from_zero(start, tmp_path):
    path = choosing(tmp_path, start)
    policy = policy_of(load(path))
    np.testing.assert_array_equal(policy.act(np.array([[-1.0], [1.0]])), [[0], [2]])
    report = evaluate(EvalRequest(CHOOSING, str(path), episodes=2, max_episode_steps=5))
    assert report.summary["length"]["mean"] == 5


@pytest.mark.parametrize("start", [2**24 - 1, 20240101, -(2**24) - 1])
def test_choices_that_were_sent_wrong_are_refused(start, tmp_path):
    path = choosing(tmp_path, start)
    with pytest.raises(Incompatible, match=f"the low of action was {start}, is now") as raised:
        evaluate(EvalRequest(CHOOSING, str(path), episodes=2, max_episode_steps=5))
    assert f"train again, rlctl train {CHOOSING}" in raised.value.hint
