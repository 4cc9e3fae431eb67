"""Whatever operation fails, at whatever point the process dies: nothing saved is lost.

Every operation of a save, a new best and a prune is made to fail in turn, in three ways, and the
whole folder is looked at after each.
"""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from checkpoints.faults import Killed, System
from checkpoints.saving import groups, save

from rlctl.checkpoints import store
from rlctl.core.errors import OutOfSpace

ALL = ("policy", "train", "envs")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's checkpoints in the middle of its life, after an earlier kill."""
    folder = tmp_path_factory.mktemp("run") / "checkpoints"
    for step in (100, 200, 300):
        save(folder, step, best={"step": 100, "return": 1.0})
    store.mark_best(folder, 100)
    shutil.copytree(folder / "step_000000000100", folder / ".tmp-50-1-abcd")
    return folder


def work(folder: Path) -> None:
    """What an engine does after an evaluation that was the best so far."""
    save(folder, 400, best={"step": 400, "return": 2.0})
    store.mark_best(folder, 400)
    store.prune(folder, keep_last=1)


def operations(before: Path, tmp_path: Path) -> int:
    folder = shutil.copytree(before, tmp_path / "dry")
    with System().installed() as system:
        work(folder)
    assert store.steps(folder) == [400]
    return system.count


def check_nothing_lost(folder: Path) -> None:
    """Every checkpoint that is listed is as it was saved, the newest and the best among them."""
    assert store.steps(folder)
    for step in store.steps(folder):
        back = store.load(store.step_folder(folder, step), ALL)
        for group, arrays in groups(step).items():
            for name, array in arrays.items():
                np.testing.assert_array_equal(back.groups[group][name], array)
    newest = store.steps(folder)[-1]
    assert newest in (300, 400)
    assert store.newest_verified(folder) == store.step_folder(folder, newest)
    assert store.best(folder) == store.step_folder(folder, 400 if newest == 400 else 100)


def test_a_kill_at_any_operation_loses_nothing(before, tmp_path):
    total = operations(before, tmp_path)
    assert total > 40
    for n in range(1, total + 1):
        folder = shutil.copytree(before, tmp_path / f"kill{n}")
        with System(n, "kill").installed(), pytest.raises(Killed):
            work(folder)
        check_nothing_lost(folder)
        work(folder)  # and the next process needs no hand work
        check_nothing_lost(folder)
        assert sorted(os.listdir(folder)) == ["best", "latest", "step_000000000400"]


@pytest.mark.parametrize("kind", ["once", "full"])
def test_a_failing_operation_is_told_and_loses_nothing(kind, before, tmp_path):
    told = 0
    for n in range(1, operations(before, tmp_path) + 1):
        folder = shutil.copytree(before, tmp_path / f"{kind}{n}")
        with System(n, kind).installed():
            try:
                work(folder)
            except OutOfSpace:
                told += 1
        check_nothing_lost(folder)
        if store.steps(folder)[-1] == 300:
            assert not [name for name in os.listdir(folder) if name.startswith(".tmp-4")]
    assert told > 20


def test_what_is_renamed_is_on_the_disk_first(before, tmp_path):
    folder = shutil.copytree(before, tmp_path / "order")
    with System().installed() as system:
        save(folder, 400)
    opened: dict[int, str] = {}
    synced: list[str] = []
    for name, args in system.log:
        if name == "open" and isinstance(args[1], int):
            opened[args[1]] = str(args[0])
        elif name == "fsync":
            synced.append(opened.get(args[0], "?"))
        elif name == "rename":
            source = str(args[0])
            break
    files = ["policy.safetensors", "train.safetensors", "envs.safetensors", "manifest.json"]
    assert synced == [f"{source}/{file}" for file in files] + [source]
    after = system.log[[name for name, _ in system.log].index("rename") + 1 :]
    assert [(name, str(args[0])) for name, args in after[:1]] == [("open", str(folder))]
    assert after[1][0] == "fsync"
