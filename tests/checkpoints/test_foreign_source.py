"""Only regular files of a bounded size in a finished checkpoint are read."""

import os
import shutil

import numpy as np
import pytest
import safetensors.numpy
from checkpoints.foreign_cases import FOLDER, source

from rlctl.checkpoints.foreign import orbax
from rlctl.checkpoints.foreign import source as module
from rlctl.checkpoints.foreign.source import open_source
from rlctl.core.errors import Damaged, Incompatible, NotFound, RlctlError, Unsafe


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(source("brax_flat"), tmp_path / "000000000001")


@pytest.mark.parametrize("kind", ["link", "fifo", "linked folder"])
def test_only_regular_files(kind, folder, tmp_path):
    if kind == "fifo":
        os.mkfifo(folder / "x")
        os.mkfifo(tmp_path / "alone")
    elif kind == "link":
        (folder / "x").symlink_to("/etc/passwd")
        (tmp_path / "alone").symlink_to(FOLDER / "brax_3.pkl")
    else:
        (folder / "x").symlink_to("/etc")
        (tmp_path / "alone").symlink_to(tmp_path / "x")
    for path in (folder, tmp_path / "alone"):
        with pytest.raises(Unsafe, match=r"is a (link|special file)"):
            open_source(path)


def test_sizes_are_bounded(folder, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    for path in (folder, FOLDER / "sb3_ppo.zip"):
        with pytest.raises(Unsafe, match="to read"):
            open_source(path)
    monkeypatch.undo()
    monkeypatch.setattr(module, "MAX_FILES", 3)
    with pytest.raises(Unsafe, match="more than 3 files"):
        open_source(folder)


def test_a_checkpoint_must_be_finished(folder, tmp_path):
    with pytest.raises(Damaged, match="never finished"):
        open_source(folder.rename(tmp_path / "5.orbax-checkpoint-tmp"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound, match="is empty"):
        open_source(tmp_path / "empty")
    shutil.copytree(source("brax_flat"), tmp_path / "a" / "9")
    shutil.copytree(source("brax_flat"), tmp_path / "a" / "10")
    shutil.copytree(source("brax_flat"), tmp_path / "a" / "11.orbax-checkpoint-tmp")
    with pytest.raises(NotFound, match="a folder of checkpoints") as raised:
        open_source(tmp_path / "a")
    assert raised.value.hint.endswith(f"rlctl import {tmp_path / 'a' / '10'}")
    (tmp_path / "a" / "9" / "_METADATA").unlink()
    with pytest.raises(Damaged, match="_METADATA is missing"):
        open_source(tmp_path / "a" / "9")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY", b"cos\nsystem\n"])
def test_other_files_are_told_apart(content, tmp_path):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises((Incompatible, Damaged)):
        open_source(tmp_path / "x")


def test_checkpoints_of_rlctl_are_told(tmp_path):
    (tmp_path / "step_000000000010").mkdir()
    with pytest.raises(Incompatible, match="holds checkpoints of rlctl"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (safetensors.numpy.save({"a": np.zeros(20, np.float32)}), "a safetensors file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:a\nsize 1\n", "Git LFS"),
    ],
)
def test_what_can_be_made_readable_says_how(content, message, tmp_path):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(Incompatible, match=message) as raised:
        open_source(tmp_path / "x")
    assert raised.value.hint


def change(folder, name, old, new):
    path = folder / name
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new", "error"),
    [
        ("_METADATA", b'"key": "mean"', b'"key": "../x"', Incompatible),
        ("_METADATA", b'"key": "mean"', b'"key": "more"', Damaged),
        ("_METADATA", b"tree_metadata", b"tree", Damaged),
        ("_METADATA", b"{", b"[", Damaged),
        ("0.mean/.zarray", b"3", b"300000000000", Unsafe),
        ("1.params.hidden_0.kernel/.zarray", b'"chunks":[3,8]', b'"chunks":[3,80000000]', Unsafe),
        ("ppo_network_config.json", b"silu", b"gelu", Incompatible),
        ("ppo_network_config.json", b'_clip_scale": null', b'_clip_scale": 1.0', Incompatible),
        ("ppo_network_config.json", b"tanh_normal", b"normal", Incompatible),
        ("ppo_network_config.json", b'"init_noise_std"', b'"squash_factor"', Incompatible),
    ],
)  # fmt: skip
def test_folders_that_say_something_else(name, old, new, error, tmp_path):
    folder = shutil.copytree(source("brax_zarr"), tmp_path / "1")
    change(folder, name, old, new)
    with pytest.raises(error):
        orbax.read(open_source(folder).files)


@pytest.mark.parametrize("algorithm", ["sac", "bc"])
def test_braxs_other_algorithms_are_refused_by_name(algorithm, folder):
    (folder / "ppo_network_config.json").rename(folder / f"{algorithm}_network_config.json")
    with pytest.raises(Incompatible, match=f"it is of Brax's {algorithm.upper()}"):
        orbax.read(open_source(folder).files)


def test_a_kernel_that_is_missing_is_not_taken_for_zeros(tmp_path):
    files = open_source(source("brax_zarr")).files
    for name in ("1.params.hidden_0.kernel/0.0", "0.std/0"):
        with pytest.raises(Damaged, match="cannot be read"):
            orbax.read({k: v for k, v in files.items() if k != name})


def test_a_damaged_folder_is_told_or_reads_as_it_was(folder, rng):
    """TensorStore has checksums for its tree only, not for the array data."""
    files = open_source(folder).files
    right = orbax.read(files).arrays
    for name, data in sorted(files.items() - {("_METADATA", files["_METADATA"])}):
        at = int(rng.integers(len(data)))
        for bad in (data[:at], data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :], None):
            changed = {k: v for k, v in files.items() if k != name}
            try:
                found = orbax.read(changed if bad is None else changed | {name: bad}).arrays
            except RlctlError:
                continue
            assert {n: a.shape for n, a in found.items()} == {n: a.shape for n, a in right.items()}
            assert all(np.isfinite(array).all() for array in found.values())
