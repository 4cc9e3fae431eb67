"""Saving, listing, selecting and pruning of checkpoints."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest
from checkpoints.sample_checkpoints import facts, flip, groups, save

from rlctl.checkpoints import store
from rlctl.core.errors import Damaged, Diverged, Incompatible, NotFound, OutOfSpace

ALL = ("policy", "train", "envs")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Path of a run's checkpoints, not created yet."""
    return tmp_path / "checkpoints"


def test_a_checkpoint_comes_back_as_it_was(folder):
    path = save(folder, 1024000)
    assert path == folder / "step_000001024000"
    assert sorted(os.listdir(path)) == [
        "envs.safetensors", "manifest.json", "policy.safetensors", "train.safetensors",
    ]  # fmt: skip
    back = store.load(path, ALL)
    assert back.path == path
    assert back.step == 1024000
    assert {name: back.manifest[name] for name in facts(1024000)} == facts(1024000)
    for group, arrays in groups(1024000).items():
        assert list(back.groups[group]) == list(arrays)
        for name, array in arrays.items():
            assert back.groups[group][name].dtype == array.dtype
            np.testing.assert_array_equal(back.groups[group][name], array)


def test_only_groups_asked_for_are_read(folder):
    path = save(folder, 1)
    assert set(store.load(path).groups) == {"policy"}
    assert store.load(path, groups=()).groups == {}
    with pytest.raises(Incompatible, match="no replay arrays, only policy, train, envs"):
        store.load(path, ("policy", "replay"))


def test_files_have_the_usual_permissions(folder):
    umask = os.umask(0o022)
    os.umask(umask)
    for file in save(folder, 1).iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~umask


def test_the_same_again_is_left_alone(folder):
    first = save(folder, 5, seconds=1.0, provenance={"created": "then"})
    before = (first / "manifest.json").read_bytes()
    assert save(folder, 5, seconds=2.0, provenance={"created": "now"}) == first
    assert (first / "manifest.json").read_bytes() == before


def test_the_same_step_with_other_content_is_an_error(folder):
    path = save(folder, 5)
    with pytest.raises(ValueError, match="exists with other files"):
        store.save(folder, 5, facts(5), groups(6))
    with pytest.raises(ValueError, match="exists with other metrics"):
        save(folder, 5, metrics={"return": 3})
    np.testing.assert_array_equal(
        store.load(path, ALL).groups["train"]["key"], groups(5)["train"]["key"]
    )


@pytest.mark.parametrize("damage", ["flip", "empty", "file", "no manifest"])
def test_a_damaged_one_is_replaced(folder, damage):
    path = save(folder, 5)
    if damage == "flip":
        flip(path / "policy.safetensors")
    elif damage == "no manifest":
        (path / "manifest.json").unlink()
    else:
        for file in path.iterdir():
            file.unlink()
        if damage == "file":
            path.rmdir()
            path.write_text("x")
    assert save(folder, 5) == path
    assert store.load(path).step == 5
    assert sorted(os.listdir(folder)) == ["latest", "step_000000000005"]


def test_nonfinite_policies_are_not_saved(folder):
    save(folder, 1)
    bad = groups(2)
    bad["policy"]["policy/hidden_0/kernel"][1, 1] = np.nan
    with pytest.raises(Diverged, match="policy/hidden_0/kernel has 1 non-finite of 12"):
        store.save(folder, 2, facts(2), bad)
    assert store.steps(folder) == [1]
    assert (folder / "latest").read_text() == "step_000000000001\n"


def test_nonfinite_environments_are_saved(folder):
    odd = groups(2)
    odd["envs"]["qpos"][0] = np.nan
    assert store.load(store.save(folder, 2, facts(2), odd), ALL).step == 2


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutOfSpace, match="cannot write"):
        save(tmp_path / "file" / "checkpoints", 1)


def test_steps_are_listed_in_order(folder):
    assert store.steps(folder) == []
    for step in (1000, 9, 10**12 - 1, 10**12, 200):
        save(folder, step)
    for name in ("step_12", "step_0000000000007", "step_00000000000x"):
        (folder / name).mkdir()
    (folder / ".tmp-7-1-ab").mkdir()
    assert store.steps(folder) == [9, 200, 1000, 10**12 - 1, 10**12]


def test_leftovers_of_killed_processes_are_swept(folder):
    save(folder, 1)
    for name in (".tmp-2-99-abcd", ".del-step_000000000000-99-abcd"):
        (folder / name).mkdir()
        (folder / name / "policy.safetensors").write_bytes(b"half")
    (folder / ".latest.99.tmp").write_text("half")
    save(folder, 2)
    assert sorted(os.listdir(folder)) == ["latest", "step_000000000001", "step_000000000002"]


def test_the_newest_that_verifies_is_found(folder):
    paths = [save(folder, step) for step in (1, 2, 3)]
    assert store.newest_verified(folder).path == paths[2]
    flip(paths[2] / "envs.safetensors")
    (paths[1] / "manifest.json").unlink()
    skipped = []
    assert store.newest_verified(folder, skipped.append).path == paths[0]
    assert ["envs.safetensors" in str(skipped[0]), "manifest.json" in str(skipped[1])] == [True] * 2


def test_without_any_that_verifies(folder):
    with pytest.raises(NotFound, match="no checkpoint in") as caught:
        store.newest_verified(folder)
    assert "rlctl train" in caught.value.hint
    path = save(folder, 4)
    flip(path / "policy.safetensors")
    with pytest.raises(Damaged, match=r"no checkpoint .* intact.*policy\.safetensors"):
        store.newest_verified(folder)
    assert store.best(folder) is None
    assert store.prune(folder, keep_last=1) == []


def test_the_hint_latest_is_not_the_truth(folder):
    paths = [save(folder, step) for step in (1, 2)]
    assert (folder / "latest").read_text() == "step_000000000002\n"
    (folder / "latest").write_text("step_000000000001\n")
    assert store.newest_verified(folder).path == paths[1]
    (folder / "latest").unlink()
    assert store.newest_verified(folder).path == paths[1]


def test_the_best_is_the_one_marked(folder):
    save(folder, 1)
    assert store.best(folder) is None
    second = save(folder, 2)
    store.mark_best(folder, 2)
    save(folder, 3)
    assert store.best(folder).path == second
    assert (folder / "best").read_text() == "step_000000000002\n"


@pytest.mark.parametrize(
    "hint", [None, "", "../../etc", "step_000000000001", "step_00000000009", "\xff"]
)
def test_the_best_survives_a_lost_or_lagging_hint(folder, hint):
    save(folder, 1, best={"step": 1, "return": 3.0})
    second = save(folder, 2, best={"step": 2, "return": 5.0})
    save(folder, 3, best={"step": 2, "return": 5.0})
    if hint is not None:
        (folder / "best").write_text(hint, encoding="utf-8")
    assert store.best(folder).path == second


def test_a_hint_that_is_ahead_of_the_manifests_wins(folder):
    save(folder, 1, best={"step": 1, "return": 3.0})
    second = save(folder, 2, best={"step": 1, "return": 3.0})
    store.mark_best(folder, 2)
    assert store.best(folder).path == second


def test_a_damaged_best_gives_way_to_the_one_before(folder):
    first = save(folder, 1)
    second = save(folder, 2, best={"step": 1, "return": 1})
    store.mark_best(folder, 2)
    save(folder, 3, best={"step": 1, "return": 1})
    flip(second / "policy.safetensors")
    skipped = []
    assert store.best(folder, skipped.append).path == first
    assert "step_000000000002" in str(skipped[0])


def test_pruning_keeps_the_last_the_best_and_every_mth(folder):
    for step in (5, 30, 60, 100, 130, 160, 210, 240, 250):
        save(folder, step, best={"step": 60, "return": 1.0})
    assert store.prune(folder, keep_last=2, keep_every=100) == [5, 30, 130, 160]
    assert store.steps(folder) == [60, 100, 210, 240, 250]
    assert store.prune(folder, keep_last=2, keep_every=100) == []
    assert store.prune(folder, keep_last=1) == [100, 210, 240]
    assert sorted(os.listdir(folder)) == ["latest", "step_000000000060", "step_000000000250"]


def test_pruning_never_takes_the_newest_that_verifies(folder):
    paths = [save(folder, step) for step in (1, 2, 3, 4)]
    for path in paths[2:]:
        flip(path / "train.safetensors")
    assert store.prune(folder, keep_last=1) == [1, 3]
    assert store.newest_verified(folder).path == paths[1]


def test_pruning_leaves_other_things_alone(folder):
    save(folder, 1)
    save(folder, 2)
    (folder / "notes.txt").write_text("mine")
    store.prune(folder, keep_last=1)
    assert sorted(os.listdir(folder)) == ["latest", "notes.txt", "step_000000000002"]
