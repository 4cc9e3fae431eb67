"""Tests of resuming and init_from: incompatible changes are refused, others give a warning."""

import shutil
import signal
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from checkpoints.resealed import forge

from rlctl.actions.train import TrainRequest, train
from rlctl.checkpoints import arrays, compatibility, manifest, store
from rlctl.checkpoints.reading import load
from rlctl.core.errors import Incompatible, OutOfSpace, StoppedUnsaved
from rlctl.core.progress import Progress

RELEASED = Path(__file__).parents[1] / "checkpoints" / "released" / "1.0"


@pytest.fixture
def run(request, tmp_path):
    return shutil.copytree(RELEASED / getattr(request, "param", "trpo"), tmp_path / "run")


def train_on(run: Path, how: str, stop: int | None = None) -> list[str]:
    """Resume a run, or start a new one from its policy; return the warnings."""
    events = []
    progress = Progress(events.append)
    if how == "resume":
        request = TrainRequest(resume=str(run), flags={"train.steps": 480})
    else:
        algo = load(newest(run)).manifest["engine"]
        sizes = (f"{algo}.{whose}_hidden_layer_sizes=8,8" for whose in ("policy", "value"))
        own = {"ppo": ("ppo.batch_size=8", "ppo.num_minibatches=4", "ppo.unroll_length=5"),
               "trpo": ("trpo.steps_per_update=160",)}[algo]  # fmt: skip
        few = ("train.num_envs=32", "train.num_evals=0", "train.plot=false", "train.steps=160")
        request = TrainRequest(
            "pendulum", algo, init_from=str(run), out=run.parent / "second",
            overrides=(*sizes, *own, *few),
        )  # fmt: skip
    with suppress(StoppedUnsaved):
        train(request, progress, lambda: stop)
    return [event["message"] for event in events if event["event"] == "warning"]


def newest(run: Path) -> Path:
    return store.newest_verified(run / "checkpoints").path


def unit(content):
    content["env"]["spec"]["observation"][2]["unit"] = "deg/s"


def activation(content):
    content["policy"]["activation"] = "elu"


@pytest.mark.parametrize("how", ["resume", "init_from"])
@pytest.mark.parametrize(
    ("run", "change", "words"),
    [("ppo", unit, "deg/s"), ("trpo", activation, "activation elu")],
    indirect=["run"],
)
def test_a_checkpoint_of_another_meaning_is_refused(how, change, words, run):
    forge(newest(run), change)
    with pytest.raises(Incompatible, match=words):
        train_on(run, how)


def test_other_changes_give_a_warning(run):
    (run / "lock").write_text("pid 12 on there since 2026-01-01T00:00:00+00:00")
    forge(newest(run), lambda content: content["provenance"]["packages"].update(jax="0.9.1"))
    ended, packages = train_on(run, "resume")
    assert "pid 12 on there since 2026-01-01T00:00:00+00:00, did not end properly" in ended
    assert f"jax 0.9.1 -> {compatibility.version('jax')}" in packages
    assert packages.endswith("bit for bit")
    assert load(newest(run)).manifest["env"]["model_sha256"] == compatibility.model_digest(
        "pendulum"
    )
    assert (run / "lock").read_bytes() == b""


@pytest.mark.parametrize("group", ["policy", "train", "envs"])
def test_arrays_of_another_type_are_refused(group, run):
    """Arrays read as another type than they were saved in would have other values."""
    path = newest(run)
    held = load(path, (group,)).groups[group]
    name = next(name for name, array in held.items() if array.dtype == np.float32)
    data = arrays.encode(held | {name: held[name].astype(np.float64)})
    (path / manifest.file_of(group)).write_bytes(data)

    def retyped(content):
        content["arrays"][group][name]["dtype"] = "float64"
        content["files"][manifest.file_of(group)] = manifest.file_entry(data)

    forge(path, retyped)
    with pytest.raises(Incompatible, match=rf"has float64\[.*\] for {name}"):
        train_on(run, "resume")


@pytest.mark.parametrize(("free", "warned"), [(1e9, 0), (40e3, 1)])
def test_a_disk_that_may_fill_gives_a_warning(free, warned, run, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda at: SimpleNamespace(total=1e12, free=free))
    warnings = train_on(run, "init_from", stop=signal.SIGTERM)
    assert len(warnings) == warned
    assert all("will take" in line for line in warnings)


def test_a_disk_too_full_for_one_checkpoint_is_refused(run, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda at: SimpleNamespace(total=1e12, free=1e3))
    with pytest.raises(OutOfSpace, match="a checkpoint takes"):
        train_on(run, "init_from")
    assert not (run.parent / "second").exists()
