"""Tests of inspect_ckpt on intact and damaged checkpoints."""

from pathlib import Path

import numpy as np
import pytest
from checkpoints.sample_checkpoints import facts, flip, groups, save

from rlctl.actions.inspect_ckpt import inspect_ckpt
from rlctl.checkpoints import manifest, store
from rlctl.core.errors import Damaged, Incompatible, NotFound, Unsafe

FILES = ("manifest.json", "policy.safetensors", "train.safetensors", "envs.safetensors")


def by_name(found, group="policy"):
    return {array.name: array for array in found.arrays[group]}


def test_a_sound_checkpoint(tmp_path):
    path = save(tmp_path, 5, config={"train": {"steps": 50}}, seconds=2.5)
    found = inspect_ckpt(str(path))
    assert (found.path, found.faults, found.error) == (path, {}, None)
    report = found.to_json()
    assert report["verified"] is True
    assert (report["engine"], report["env"]["id"], report["step"]) == ("ppo", "pendulum", 5)
    assert (report["total_steps"], report["updates"], report["seconds"]) == (50, 5, 2.5)
    assert report["parameters"] == {"policy": 16}
    assert set(found.arrays) == {"policy", "train", "envs"}


def test_statistics_of_arrays(tmp_path):
    path = save(tmp_path, 5)
    found = inspect_ckpt(str(path))
    for group in ("policy", "train"):
        for name, array in groups(5)[group].items():
            report = by_name(found, group)[name]
            values = array.astype(float)
            assert (report.dtype, report.shape, report.nonfinite) == (
                array.dtype.name,
                array.shape,
                0,
            )
            assert report.size == array.size
            statistics = (report.mean, report.std, report.min, report.max)
            expected = (values.mean(), values.std(), values.min(), values.max())
            assert statistics == pytest.approx(expected)
    assert by_name(found, "envs")["qpos"].shape == (8, 7)
    assert by_name(found, "envs")["qpos"].mean is None  # large, and not looked at


def test_values_that_are_not_finite_are_counted_and_left_out(tmp_path):
    odd = groups(5)
    odd["train"]["optimizer/0/mu"][0] = [np.nan, np.inf, -np.inf, 1e9]
    path = store.save(tmp_path, 5, facts(5), odd)
    report = by_name(inspect_ckpt(str(path)), "train")["optimizer/0/mu"]
    assert report.nonfinite == 3
    assert report.max == 1e9
    assert inspect_ckpt(str(path)).error is None


def test_an_untrained_policy_is_reported(tmp_path):
    never = inspect_ckpt(str(save(tmp_path, 0)))  # facts() says that seed 0 is the initial one
    assert never.untrained is True
    trained = inspect_ckpt(str(save(tmp_path, 5)))
    assert (trained.untrained, trained.unchanged) == (False, [])
    half = groups(5)
    half["policy"]["policy/hidden_0/bias"] = groups(0)["policy"]["policy/hidden_0/bias"]
    partly = inspect_ckpt(str(store.save(tmp_path, 6, facts(6), half)))
    assert (partly.untrained, partly.unchanged) == (False, ["policy/hidden_0/bias"])
    unknown = inspect_ckpt(str(save(tmp_path, 7, initial={})))
    assert unknown.untrained is None


def test_a_normalizer_that_moved_does_not_hide_that_nothing_was_learned(tmp_path):
    moved = groups(0)
    moved["policy"]["normalizer/mean"] += 1
    path = store.save(tmp_path, 5, facts(5), moved)
    assert inspect_ckpt(str(path)).untrained is True


def test_the_normalizer_is_summarized(tmp_path):
    held = groups(5)
    held["policy"] |= {
        "normalizer/count": np.float32(640),
        "normalizer/mean": np.float32([0, -2, 3]),
        "normalizer/std": np.float32([1e-6, 1, 4]),
        "normalizer/summed_variance": np.float32([0, 640, 10240]),
    }
    found = inspect_ckpt(str(store.save(tmp_path, 5, facts(5), held)))
    assert found.normalizer == {
        "count": 640.0,
        "size": 3,
        "mean": {"min": -2.0, "max": 3.0},
        "std": {"min": pytest.approx(1e-6), "max": 4.0},
        "constant": [0],
        "nonfinite": 0,
    }


def test_versions_that_differ_from_what_is_installed(tmp_path):
    packages = {"numpy": np.__version__, "jax": "0.1.0", "no-such-package": "9.9"}
    path = save(tmp_path, 5, provenance={"packages": packages, "python": "2.7.18"})
    versions = inspect_ckpt(str(path)).versions
    assert set(versions) == {"jax", "no-such-package", "python"}
    assert versions["jax"]["saved"] == "0.1.0"
    assert versions["no-such-package"] == {"saved": "9.9", "installed": None}


@pytest.mark.parametrize("file", FILES)
def test_a_damaged_one_is_described_as_far_as_possible(file, tmp_path):
    path = save(tmp_path, 5)
    flip(path / file, 60)
    found = inspect_ckpt(str(path))
    assert isinstance(found.error, Damaged)
    assert list(found.faults) == [file]
    assert file in found.faults[file]
    if file != "manifest.json":
        assert found.manifest["engine"] == "ppo"
        group = file.removesuffix(".safetensors")
        measured = {name: arrays[0].nonfinite for name, arrays in found.arrays.items()}
        sound = {"policy", "train"} - {group}
        assert {name for name, count in measured.items() if count == 0} == sound


def test_every_fault_is_listed(tmp_path):
    path = save(tmp_path, 5)
    flip(path / "policy.safetensors")
    (path / "train.safetensors").unlink()
    (path / "notes.txt").write_text("")
    found = inspect_ckpt(str(path))
    assert list(found.faults) == ["policy.safetensors", "train.safetensors", "notes.txt"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1]", b'{"step": 3}', b"null"])
def test_a_manifest_that_is_gone_or_garbled(content, tmp_path):
    path = save(tmp_path, 5)
    (path / "manifest.json").write_bytes(content)
    found = inspect_ckpt(str(path))
    assert isinstance(found.error, Damaged)
    assert found.to_json()["verified"] is False
    (path / "manifest.json").unlink()
    assert "manifest.json is missing" in inspect_ckpt(str(path)).faults["manifest.json"]


def test_members_of_unexpected_kinds_do_not_break_the_report(tmp_path):
    path = save(tmp_path, 5)
    content = manifest.salvage((path / "manifest.json").read_bytes())
    strange = {name: "odd" for name in ("env", "config", "policy", "provenance", "initial", "best")}
    (path / "manifest.json").write_bytes(manifest.encode(content | strange))
    found = inspect_ckpt(str(path))
    assert isinstance(found.error, Damaged)
    assert found.to_json()["total_steps"] is None
    assert found.untrained is None


def test_a_newer_schema_is_described_and_refused(tmp_path):
    path = save(tmp_path, 5)
    content = manifest.decode((path / "manifest.json").read_bytes())
    content["schema"]["major"] = 7
    (path / "manifest.json").write_bytes(manifest.encode(content))
    found = inspect_ckpt(str(path))
    assert isinstance(found.error, Incompatible)
    assert found.manifest["engine"] == "ppo"


def test_a_link_is_refused(tmp_path):
    path = save(tmp_path / "run", 5)
    file = (path / "train.safetensors").rename(tmp_path / "elsewhere")
    (path / "train.safetensors").symlink_to(file)
    assert isinstance(inspect_ckpt(str(path)).error, Unsafe)


def test_no_checkpoint(tmp_path: Path):
    with pytest.raises(NotFound):
        inspect_ckpt(None)
    with pytest.raises(NotFound):
        inspect_ckpt("nowhere")
    (tmp_path / "weights.pt").write_text("")
    with pytest.raises(Incompatible):
        inspect_ckpt("weights.pt")


def test_equal_checkpoints_do_not_differ(tmp_path):
    ours, theirs = save(tmp_path / "a", 5), save(tmp_path / "b", 5)
    found = inspect_ckpt(str(ours), diff=str(theirs))
    assert found.difference == {"other": str(theirs), "manifest": {}, "arrays": {}}


def test_differences_are_named_and_measured(tmp_path):
    more = groups(5)
    more["policy"]["policy/hidden_0/kernel"][1, 2] += np.float32(0.5)
    more["policy"]["normalizer/mean"] = np.zeros(4, np.float32)
    more["policy"]["policy/hidden_1/bias"] = np.zeros(2, np.float32)
    more["envs"]["qpos"][0, 0] = np.nan
    ours = save(tmp_path / "a", 5, config={"ppo": {"learning_rate": 0.1, "epochs": 4}})
    theirs = store.save(
        tmp_path / "b", 6, facts(5, config={"ppo": {"learning_rate": 0.2, "epochs": 4}}), more
    )
    difference = inspect_ckpt(str(ours), diff=str(theirs)).difference
    assert difference["manifest"] == {"config.ppo.learning_rate": [0.1, 0.2], "step": [5, 6]}
    assert difference["arrays"] == {
        "policy/policy/hidden_0/kernel": pytest.approx(0.5, abs=1e-6),
        "policy/normalizer/mean": "float32[3], float32[4]",
        "policy/policy/hidden_1/bias": "only in the second",
        "envs/qpos": "non-finite values differ",
    }


def test_damage_of_the_other_one_is_an_error_too(tmp_path):
    ours, theirs = save(tmp_path / "a", 5), save(tmp_path / "b", 5)
    flip(theirs / "train.safetensors")
    found = inspect_ckpt(str(ours), diff=str(theirs))
    assert found.faults == {}
    assert isinstance(found.error, Damaged)
