"""A run can be evaluated and rendered while it is trained."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from checkpoints.sample_checkpoints import save

from rlctl.checkpoints import reading, store
from rlctl.checkpoints.find import open_checkpoint
from rlctl.core.checkpoint_names import step_of
from rlctl.core.errors import NotFound


def test_what_is_loaded_is_whole_while_another_process_saves_and_prunes(tmp_path):
    tests = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, tests / "checkpoints" / "concurrent_reader.py", tmp_path / "run", "400"],
        env={**os.environ, "PYTHONPATH": f"{tests.parent}{os.pathsep}{tests}"},
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert min(found["different"].values()) > 5  # else nobody wrote meanwhile


@pytest.mark.parametrize("moment", ["check_folder", "read_manifest", "_verified_bytes", "listdir"])
@pytest.mark.parametrize("which", ["latest", "best"])
def test_what_is_pruned_while_it_is_read_is_chosen_anew(moment, which, tmp_path, monkeypatch):
    folder = tmp_path / "run" / "checkpoints"
    save(folder, 1, best={"step": 1, "return": 0.0})
    store.mark_best(folder, 1)
    pruned = []

    def prune(path):
        if step_of(path.name) is not None and not pruned:
            pruned.append(path)
            save(folder, 2, best={"step": 2, "return": 1.0})
            store.mark_best(folder, 2)
            store.prune(folder, keep_last=1)

    room = os if moment == "listdir" else reading
    usual = getattr(room, moment)

    def meanwhile(path, *rest):
        prune(path if moment != "_verified_bytes" else path.parent) if path != folder else None
        return usual(path, *rest)

    monkeypatch.setattr(room, moment, meanwhile)
    warnings = []
    assert open_checkpoint(f"{tmp_path / 'run'}@{which}", warn=warnings.append).step == 2
    assert pruned == [store.step_folder(folder, 1)]
    assert warnings == []


def test_what_is_named_and_pruned_is_not_there(tmp_path, monkeypatch):
    path = save(tmp_path / "run" / "checkpoints", 1)
    usual = reading.check_folder

    def prune(found):
        path.rename(path.with_name(".del-step"))
        monkeypatch.setattr(reading, "check_folder", usual)
        usual(found)

    monkeypatch.setattr(reading, "check_folder", prune)
    with pytest.raises(NotFound):
        open_checkpoint(str(path))
