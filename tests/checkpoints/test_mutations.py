"""Every change to a checkpoint is detected, and the error names the file."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from checkpoints.sample_checkpoints import facts, flip, groups, save

from rlctl.checkpoints import manifest, store
from rlctl.core.errors import Damaged, Incompatible, NotFound, RlctlError, Unsafe

FILES = ("manifest.json", "policy.safetensors", "train.safetensors", "envs.safetensors")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("run"), 5)


@pytest.fixture
def path(pristine: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pristine, tmp_path / pristine.name)


def link(file: Path) -> None:
    moved = file.rename(file.parent.parent / "elsewhere")
    file.symlink_to(moved)


def as_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


CHANGES: dict[str, tuple[Callable[[Path], object], type[RlctlError]]] = {
    "truncated": (lambda f: f.write_bytes(f.read_bytes()[:-1]), Damaged),
    "emptied": (lambda f: f.write_bytes(b""), Damaged),
    "appended": (lambda f: f.write_bytes(f.read_bytes() + b"\0"), Damaged),
    "zeroed": (lambda f: f.write_bytes(bytes(f.stat().st_size)), Damaged),
    "doubled": (lambda f: f.write_bytes(f.read_bytes() * 2), Damaged),
    "deleted": (lambda f: f.unlink(), Damaged),
    "as folder": (as_folder, Damaged),
    "link": (link, Unsafe),
    "pipe": (pipe, Unsafe),
}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("change", CHANGES)
def test_changed_files_are_refused_by_name(path, file, change):
    act, kind = CHANGES[change]
    act(path / file)
    with pytest.raises(kind, match=file) as caught:
        store.load(path, groups=())
    assert type(caught.value) is kind
    assert caught.value.hint


def test_sizes_are_looked_at_before_contents(path):
    with open(path / "envs.safetensors", "ab") as file:
        file.truncate(2**40)  # sparse: reading it would take an hour
    with pytest.raises(Damaged, match=r"envs\.safetensors has 1099511627776 bytes, \d+ were"):
        store.load(path)


@pytest.mark.parametrize("file", FILES)
def test_every_flipped_bit_is_noticed(path, file, rng):
    size = (path / file).stat().st_size
    for position in rng.choice(size, size=150, replace=False):
        flip(path / file, position)
        with pytest.raises(Damaged, match=file):
            store.load(path, groups=("train",))
        flip(path / file, position)
    assert store.load(path).step == 5


@pytest.mark.parametrize("name", ["extra.safetensors", "notes.txt", ".hidden", "sub"])
def test_extra_files_are_refused(path, name):
    (path / name).mkdir() if name == "sub" else (path / name).write_text("")
    with pytest.raises(Damaged, match=f"{name} does not belong"):
        store.load(path)


def test_files_of_another_checkpoint_are_noticed(path, tmp_path):
    other = save(tmp_path / "other", 6)
    for file in FILES[1:]:
        good = (path / file).read_bytes()
        shutil.copy(other / file, path / file)
        with pytest.raises(Damaged, match=file):
            store.load(path)
        (path / file).write_bytes(good)
    shutil.copytree(other, path, dirs_exist_ok=True)
    with pytest.raises(Damaged, match="folder's name has another"):
        store.load(path)


def test_swapped_files_are_noticed(path):
    for other in FILES[2:]:
        (path / FILES[1]).rename(path / "x")
        (path / other).rename(path / FILES[1])
        (path / "x").rename(path / other)
        with pytest.raises(Damaged, match=r"safetensors"):
            store.load(path)


def test_a_checkpoint_may_be_moved_and_renamed(path, tmp_path):
    assert store.load(path.rename(tmp_path / "mine")).step == 5
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    assert store.load(tmp_path / "link").step == 5


@pytest.mark.parametrize("listing", ["shape", "dtype", "name"])
def test_arrays_other_than_listed_are_refused(path, listing):
    content = manifest.decode((path / "manifest.json").read_bytes())
    arrays = content["arrays"]["policy"]
    if listing == "name":
        arrays["policy/hidden_1/bias"] = arrays.pop("policy/hidden_0/bias")
    else:
        arrays["normalizer/mean"][listing] = {"shape": [1, 3], "dtype": "int32"}[listing]
    (path / "manifest.json").write_bytes(manifest.encode(content))
    with pytest.raises(Damaged, match=r"policy\.safetensors has"):
        store.load(path)


def test_a_huge_manifest_is_not_read(path):
    with open(path / "manifest.json", "ab") as file:
        file.truncate(manifest.MAX_BYTES + 1)
    with pytest.raises(Unsafe, match=r"manifest\.json is larger"):
        store.load(path)


def test_a_newer_schema_is_incompatible(path):
    content = manifest.decode((path / "manifest.json").read_bytes())
    content["schema"]["major"] = 2
    (path / "manifest.json").write_bytes(manifest.encode(content))
    with pytest.raises(Incompatible, match=rf"schema 2\.{manifest.SCHEMA['minor']}") as caught:
        store.load(path)
    assert "newer" in caught.value.hint


def test_what_is_not_a_checkpoint_is_told_apart(path, tmp_path):
    with pytest.raises(NotFound, match="there is no checkpoint"):
        store.load(tmp_path / "nothing")
    with pytest.raises(Incompatible, match="is a file") as caught:
        store.load(path / "policy.safetensors")
    assert str(path) in caught.value.hint
    (tmp_path / "model.pt").write_bytes(b"PK")
    with pytest.raises(Incompatible, match=r"model\.pt is a file"):
        store.load(tmp_path / "model.pt")
    (tmp_path / "step_000000000009").write_text("")
    with pytest.raises(Damaged, match="is a file"):
        store.load(tmp_path / "step_000000000009")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound, match="is empty"):
        store.load(tmp_path / "empty")
    (tmp_path / "step_000000000010").mkdir()
    with pytest.raises(Damaged, match=r"manifest\.json is missing"):
        store.load(tmp_path / "step_000000000010")
    shutil.copytree(path, tmp_path / ".tmp-5-1-abcd")
    with pytest.raises(Damaged, match="never finished"):
        store.load(tmp_path / ".tmp-5-1-abcd")


@pytest.mark.parametrize(
    ("marker", "tool"),
    [("_METADATA", "Orbax"), ("ppo_network_config.json", "Brax"), (".metadata", "PyTorch")],
)
def test_checkpoints_of_other_tools_are_named(marker, tool, tmp_path):
    (tmp_path / "000000409600").mkdir()
    (tmp_path / "000000409600" / marker).write_text("{}")
    with pytest.raises(Incompatible, match=f"checkpoint of {tool}"):
        store.load(tmp_path / "000000409600")


def test_a_folder_that_was_never_finished_is_not_read(tmp_path):
    """A kill between two files leaves some of them, in a folder of any name."""
    path = store.save(tmp_path, 8, facts(8), groups(8))
    for file in reversed(FILES):
        (path / file).unlink()
        with pytest.raises(Damaged):
            store.load(path, groups=())
