"""Which checkpoints are filmed, and that retention does not take them away meanwhile."""

import os
import shutil
from pathlib import Path

import pytest

from rlctl.callbacks.videos import Videos
from rlctl.core.errors import Diverged, Stopped


@pytest.fixture
def make(stage):
    films = []

    def made(every=100, start=0):
        films.append(Videos(stage.info(f"train.video_every={every}", start=start)))
        return films[-1]

    yield made
    for one in films:
        one.close()


@pytest.fixture
def save(stage):
    """Save a checkpoint, and tell."""

    def saved(films, steps):
        path = stage.folder / "checkpoints" / f"step_{steps:012d}"
        path.mkdir(parents=True)
        (path / "policy").write_text(f"policy of {steps}")
        films.on_event({"event": "checkpoint", "steps": steps, "path": str(path), "best": False})
        return path

    return saved


def drawn():
    folder = Path("run/videos")
    names = [name for name in os.listdir(folder) if name != ".drawing"] if folder.exists() else []
    return {int(name[5:17]): (folder / name).read_text() for name in names}


def settle(stage, films):
    films._side.wait(lambda: False)


def test_checkpoints_that_cross_a_multiple_are_filmed(stage, make, save):
    films = make(every=100)
    for steps in (60, 110, 150, 330):
        save(films, steps)
        settle(stage, films)
    assert drawn() == {110: "policy of 110", 330: "policy of 330"}
    assert [event["path"] for event in stage.told("film")] == [
        f"run/videos/step_{steps:012d}.mp4" for steps in (110, 330)
    ]
    assert all("--cpu" in arguments for arguments, _ in stage.drawings())


def test_a_resumed_training_counts_from_where_it_was(stage, make, save):
    films = make(every=100, start=110)
    save(films, 150)
    settle(stage, films)
    assert drawn() == {}


def test_a_checkpoint_deleted_while_it_is_filmed(stage, make, save):
    Path("hold").touch()
    films = make()
    path = save(films, 100)
    shutil.rmtree(path)
    Path("hold").unlink()
    settle(stage, films)
    assert drawn() == {100: "policy of 100"}
    assert os.listdir("run/videos") == ["step_000000000100.mp4"]


def test_the_files_are_copied_where_they_cannot_be_linked(stage, make, save, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(1, "no links")))
    films = make()
    save(films, 100)
    settle(stage, films)
    assert drawn() == {100: "policy of 100"}


def test_one_is_skipped_while_another_is_drawn(stage, make, save):
    Path("hold").touch()
    films = make()
    for steps in (100, 200, 250):
        save(films, steps)
    assert [event["message"] for event in stage.told("note")] == [
        "no film of step 200: another is still being drawn"
    ]
    Path("hold").unlink()
    settle(stage, films)
    assert drawn() == {100: "policy of 100"}


def test_the_end_waits_for_the_film_under_way_and_the_last_one(stage, make, save):
    Path("hold").touch()
    films = make()
    for steps in (100, 150):
        save(films, steps)
    stage.until(stage.drawings)
    Path("hold").unlink()
    films.finish(None)
    assert drawn() == {100: "policy of 100", 150: "policy of 150"}
    assert stage.told("phase")[0]["name"] == "film"
    assert "Ctrl-C" in stage.told("note")[0]["message"]


@pytest.mark.parametrize("error", [Stopped("x"), Diverged("x")])
def test_a_training_cut_short_waits_for_no_film(stage, make, save, error):
    Path("hold").touch()
    films = make()
    for steps in (100, 150):
        save(films, steps)
    Path("hold").unlink()
    films.finish(error)
    films.close()
    assert drawn() == {}


def test_ctrl_c_leaves_the_last_film_undone(stage, make, save):
    Path("hold").touch()
    films = make()
    save(films, 100)
    films._progress.event = lambda kind, **_: kind == "phase" and setattr(stage, "signum", 2)
    films.finish(None)
    films.close()
    assert drawn() == {}
    assert os.listdir("run/videos") == []


def test_nothing_new_nothing_to_wait_for(stage, make):
    make().finish(None)
    assert stage.heard == []
    assert stage.drawings() == []
