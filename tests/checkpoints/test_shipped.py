"""Shipped policies: their content, when they are used, and the script that makes them."""

import runpy
from pathlib import Path

import pytest
from checkpoints.sample_checkpoints import flip, save
from checkpoints.test_find import at, find, make_run

from rlctl import catalog
from rlctl.checkpoints import compatibility, shipped, store
from rlctl.checkpoints.find import open_checkpoint
from rlctl.core.errors import Damaged, Incompatible, NotFound, UsageError
from rlctl.rollouts.factory import environment_of, make_environment

NAMES = ("barkour", "pendulum")
SCRIPT = Path(__file__).parents[2] / "scripts" / "build_pretrained"
MADE = {
    "metrics": {"return": {"mean": 81.5, "std": 2.25}, "episodes": 64},
    "provenance": {
        "argv": ["/home/me/__main__.py", "train", "pendulum", "--out", "/x", "--out=y", "-q=/a/b"],
        "created": "2026-01-02T03:04:05+00:00",
        "packages": {"jax": "0.10.2"},
        "platform": "mine",
    },
}


@pytest.fixture
def place(monkeypatch, tmp_path):
    """Use a temporary folder of shipped policies, with one for `pendulum`."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    save(tmp_path, 7).rename(folder / "pendulum")
    monkeypatch.setattr(shipped, "FOLDER", folder)
    return folder


def test_these_ship():
    assert shipped.names() == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_is_small_whole_and_of_the_environment_as_it_is_now(name):
    found = open_checkpoint(f"shipped:{name}", name)
    assert list(found.manifest["arrays"]) == ["policy"]
    assert sum(file.stat().st_size for file in found.path.iterdir()) < 1_000_000
    warnings = []
    compatibility.check(found, make_environment(*environment_of(found)).spec, warnings.append)
    assert warnings == []
    assert catalog.engine(found.manifest["engine"])


@pytest.mark.parametrize("name", NAMES)
def test_each_tells_how_it_was_made_and_nothing_of_the_machine(name):
    made = open_checkpoint(f"shipped:{name}").manifest
    assert made["metrics"]["return"]["mean"] == made["best"]["return"]
    assert isinstance(made["seed"], int)
    assert {"argv", "created", "packages", "python", "git"} == set(made["provenance"])
    assert not any("=/" in f"={word}" for word in made["provenance"]["argv"])


def test_it_steps_in_where_an_environment_has_no_run(place):
    make_run("other", 1, env="barkour")
    warnings = []
    assert find(None, "pendulum", warn=warnings.append) == place / "pendulum"
    assert warnings == ["no run of pendulum found: using the policy that ships with rlctl"]
    for text, env in (("best", "pendulum"), ("latest", "pendulum"), (None, "hopper")):
        with pytest.raises(NotFound, match="no run of"):
            find(text, env)
    run = make_run("mine", 5)
    assert find(None, "pendulum", warn=warnings.append) == at(run, 5).absolute()
    assert len(warnings) == 1


def test_it_is_named_whatever_runs_there_are(place):
    make_run("mine", 5)
    assert find("shipped:pendulum") == find("shipped:pendulum", "pendulum") == place / "pendulum"
    with pytest.raises(Incompatible, match="is of environment pendulum, not barkour"):
        find("shipped:pendulum", "barkour")
    for text in ("shipped:hopper", "shipped:", "shipped:../shipped/pendulum", "shipped:pendulum@7"):
        with pytest.raises(
            NotFound, match=r"there is no shipped policy for .*there are shipped:pendulum"
        ):
            find(text)


def test_a_damaged_one_is_an_error(place):
    flip(place / "pendulum" / "policy.safetensors")
    for text, env in (("shipped:pendulum", None), (None, "pendulum")):
        with pytest.raises(Damaged, match=r"policy\.safetensors"):
            find(text, env)


class TestScript:
    @pytest.fixture
    def ship(self, place):
        return runpy.run_path(str(SCRIPT))["build"]

    def test_the_best_of_a_run_takes_the_place_of_the_one_there(self, ship, place):
        run = make_run("mine", best=None)
        for step in (10, 20):
            save(run / "checkpoints", step, **MADE)
        store.mark_best(run / "checkpoints", 10)
        assert ship("mine", "pendulum") == place / "pendulum"
        now, source = store.load(place / "pendulum"), store.load(at(run, 10))
        assert now.groups["policy"].keys() == source.groups["policy"].keys()
        for name, array in source.groups["policy"].items():
            assert (now.groups["policy"][name] == array).all()
        assert list(now.manifest["files"]) == ["policy.safetensors"]
        same = ("step", "engine", "env", "initial", "metrics")
        assert [now.manifest[k] for k in same] == [source.manifest[k] for k in same]
        assert now.manifest["provenance"] == {
            "argv": ["rlctl", "train", "pendulum", "-q=b"],
            "created": "2026-01-02T03:04:05+00:00",
            "packages": {"jax": "0.10.2"},
        }
        assert [path.name for path in place.iterdir()] == ["pendulum"]
        assert ship("shipped:pendulum", "pendulum") == place / "pendulum", "from itself"

    def test_what_is_not_fit_to_ship_changes_nothing(self, ship, place):
        before = store.load(place / "pendulum").manifest
        run = make_run("mine", 5)
        with pytest.raises(UsageError, match="never evaluated"):
            ship("mine", "pendulum")
        with pytest.raises(Incompatible):
            ship("mine", "barkour")
        save(run / "checkpoints", 6, **MADE, note="x" * 1_000_000)
        with pytest.raises(UsageError, match="more than 1,000,000"):
            ship("mine", "pendulum")
        assert store.load(place / "pendulum").manifest == before
        assert [path.name for path in place.iterdir()] == ["pendulum"]
