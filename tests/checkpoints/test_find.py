"""Resolving --ckpt, also with damaged checkpoints."""

import json
import os
from pathlib import Path

import pytest
from checkpoints.sample_checkpoints import flip, save

from rlctl.checkpoints import shipped, store
from rlctl.checkpoints.find import locate, open_checkpoint
from rlctl.core.errors import Damaged, Incompatible, NotFound, Unsafe, UsageError


def make_run(name: str, *steps: int, env: str = "pendulum", best: int | None = None) -> Path:
    """Create a run under ./runs; the last one created is the latest."""
    run = Path("runs") / name
    (run / "checkpoints").mkdir(parents=True)
    (run / "config.json").write_text(json.dumps({"env": env}))
    for step in steps:
        save(run / "checkpoints", step, env={"id": env, "config": {}, "spec": {}})
    if best is not None:
        store.mark_best(run / "checkpoints", best)
    make_run.made += 1
    for path in run.rglob("*"):
        os.utime(path, (1e9 + make_run.made,) * 2)
    return run


make_run.made = 0


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RLCTL_RUNS")


def find(*args, **options):
    """Return the path of the requested checkpoint."""
    return open_checkpoint(*args, **options, groups=()).path


def at(run: Path, step: int) -> Path:
    return store.step_folder(run / "checkpoints", step)


def test_left_out_it_is_the_best_of_the_latest_run():
    make_run("old", 1, 2)
    new = make_run("new", 10, 20, 30, best=20)
    make_run("empty")
    assert find(None) == find("best") == at(new, 20)
    assert find("latest") == at(new, 30)


def test_before_any_evaluation_the_best_is_the_newest():
    run = make_run("a", 10, 20)
    warnings = []
    assert find(None, warn=warnings.append) == at(run, 20)
    assert warnings == []


def test_the_latest_run_is_one_of_the_environment_named():
    old = make_run("old", 1, 2, best=1)
    new = make_run("new", 7, env="barkour")
    assert find(None) == find(None, "barkour") == at(new, 7)
    assert find(None, "pendulum") == find("best", "pendulum") == at(old, 1)
    assert find("latest", "pendulum") == at(old, 2)


def test_an_environment_is_the_best_of_its_latest_run():
    old = make_run("old", 1, 2, best=1)
    make_run("new", 7, env="barkour")
    assert find("pendulum") == at(old, 1)
    named = make_run("pendulum", 3, env="hopper")
    assert find("pendulum") == at(named, 3), "a run of that name is meant first"


def test_an_environment_without_a_run_is_the_policy_that_ships_or_an_error():
    warnings = []
    assert find("barkour", warn=warnings.append).name == "barkour"
    assert warnings == ["no run of barkour found: using the policy that ships with rlctl"]
    with pytest.raises(NotFound, match="there is no run of hopper"):
        find("hopper")


def test_a_run_is_given_by_name_or_by_folder():
    run = make_run("a", 10, 20, best=10)
    make_run("b", 1)
    for text in ("a", "runs/a", str(run.absolute()), "runs/a/", "runs/a/checkpoints"):
        assert find(text).resolve() == at(run, 10).resolve()


def test_an_environment_is_its_latest_run():
    make_run("older", 5, env="hopper")
    hopper = make_run("hops", 10, 20, 30, best=20, env="hopper")
    cart = make_run("cart", 7, env="gym:CartPole-v1")
    assert find(None) == find("gym:CartPole-v1") == at(cart, 7)
    assert find("hopper") == find("hopper@best") == at(hopper, 20)
    assert find("hopper@latest") == at(hopper, 30)
    assert find("hopper@10") == at(hopper, 10)
    with pytest.raises(Incompatible, match="of environment hopper, not ant"):
        find("hopper", "ant")


def test_an_environment_without_a_run_is_the_policy_that_ships_or_told():
    warnings = []
    assert find("pendulum", warn=warnings.append) == shipped.named("shipped:pendulum")
    assert "the policy that ships" in warnings[0]
    own = make_run("own", 3)
    assert find("pendulum", warn=warnings.append) == at(own, 3)
    assert len(warnings) == 1
    for text in ("hopper", "gym:CartPole-v1", "hopper@best"):
        with pytest.raises(NotFound, match="there is no run of") as caught:
            find(text)
        assert f"rlctl train {text.partition('@')[0]}" in caught.value.hint


def test_a_run_or_checkpoint_goes_before_an_environment_of_its_name():
    make_run("latest-of-it", 9, env="hopper")
    run = make_run("hopper", 4, env="ant")
    os.utime(run / "config.json", (1e9, 1e9))
    assert find("hopper") == at(run, 4)


def test_a_folder_of_other_things_does_not_hide_an_environment():
    run = make_run("a", 4, env="hopper")
    Path("hopper").mkdir()
    Path("hopper/notes.txt").write_text("")
    assert find("hopper") == at(run, 4)


def test_a_folder_of_runs_is_told_with_its_latest():
    make_run("my a", 1)
    make_run("my b", 2)
    with pytest.raises(NotFound, match="runs holds 2 runs") as caught:
        find("runs")
    assert "'runs/my b'" in caught.value.hint


def test_a_run_that_is_nowhere_is_told_with_where_it_was_looked_for(tmp_path):
    with pytest.raises(NotFound) as caught:
        find("a")
    assert str(tmp_path / "runs") in caught.value.message
    assert "RLCTL_RUNS" in caught.value.hint


def test_runs_are_looked_for_where_the_user_keeps_them(tmp_path, monkeypatch):
    run = make_run("a", 10)
    (tmp_path / "runs").rename(tmp_path / "kept")
    with pytest.raises(NotFound):
        find("a")
    assert find("a", root=Path("kept")) == Path("kept") / at(run, 10).relative_to("runs")
    monkeypatch.setenv("RLCTL_RUNS", "kept")
    assert find("a") == find(None) == Path("kept") / at(run, 10).relative_to("runs")


def test_a_step_is_named_after_the_at():
    run = make_run("a", 10, 20, 30, best=20)
    assert find("a@10") == find("runs/a@000000000010") == find("a@step_000000000010") == at(run, 10)
    assert find("a@latest") == at(run, 30)
    assert find("a@best") == at(run, 20)
    with pytest.raises(NotFound, match="a has no checkpoint of step 15") as caught:
        find("a@15")
    assert "10, 20, 30" in caught.value.hint
    with pytest.raises(UsageError, match="'soon' is not a step"):
        find("a@soon")
    with pytest.raises(NotFound, match="no run z"):
        find("z@10")


def test_a_folder_with_an_at_is_a_folder():
    run = make_run("a@home", 10)
    assert find("runs/a@home") == at(run, 10)
    assert find("runs/a@home@10") == at(run, 10)


def test_a_checkpoint_is_given_by_folder():
    run = make_run("a", 10, 20)
    path = at(run, 10)
    assert find(str(path)) == path
    assert find(str(path.rename("mine"))) == Path("mine")


@pytest.mark.parametrize("text", ["runs/a/checkpoints/step_000000000020", "a@20"])
def test_a_damaged_one_that_is_named_is_an_error(text):
    run = make_run("a", 10, 20)
    flip(at(run, 20) / "train.safetensors")
    with pytest.raises(Damaged, match=r"train\.safetensors"):
        find(text)
    assert locate(text) == at(run, 20)


@pytest.mark.parametrize("text", [None, "latest", "best", "a", "runs/a", "a@latest", "a@best"])
def test_elsewhere_the_newest_that_verifies_steps_in_and_that_is_said(text):
    run = make_run("a", 10, 20, 30, best=30)
    flip(at(run, 30) / "policy.safetensors")
    warnings = []
    assert find(text, warn=warnings.append) == at(run, 20)
    assert any("skipped" in line and "step_000000000030" in line for line in warnings)
    assert warnings[-1] == f"using {at(run, 20)} instead"


def test_a_damaged_newest_does_not_matter_to_a_sound_best():
    run = make_run("a", 10, 20, best=10)
    flip(at(run, 20) / "policy.safetensors")
    warnings = []
    assert find(None, warn=warnings.append) == at(run, 10)
    assert warnings == []


def test_when_every_one_is_damaged():
    run = make_run("a", 10)
    flip(at(run, 10) / "manifest.json", 20)
    with pytest.raises(Damaged, match=r"manifest\.json"):
        find(None)


def test_another_environment_is_incompatible():
    run = make_run("a", 10, env="barkour")
    for text in ("a", "a@10", str(at(run, 10))):
        with pytest.raises(Incompatible, match="is of environment barkour, not pendulum"):
            find(text, "pendulum")
        assert find(text, "barkour") == at(run, 10)


def test_nothing_there_says_how_to_make_one(tmp_path):
    for text in (None, "latest", "best"):
        with pytest.raises(NotFound, match="no run") as caught:
            find(text)
        assert "rlctl train ENV" in caught.value.hint
    make_run("a", 10)
    with pytest.raises(NotFound, match="no run of hopper") as caught:
        find(None, "hopper")
    assert "rlctl train hopper" in caught.value.hint
    make_run("b")
    for text in ("b", "nowhere", "runs/nowhere", "a/b/c"):
        with pytest.raises(NotFound):
            find(text)
    with pytest.raises(NotFound, match="cannot look up"):
        find("x" * 5000)
    with pytest.raises(NotFound):
        find("a\0b")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound, match="no checkpoint in empty"):
        find("empty")


def test_other_things_are_told_apart(tmp_path):
    run = make_run("a", 10)
    for text in ("runs/a/config.json", "runs/a/checkpoints/step_000000000010/manifest.json"):
        with pytest.raises(Incompatible, match="is a file"):
            find(text)
    at(run, 10).rename(run / "checkpoints" / ".tmp-10-1-abcd")
    with pytest.raises(Damaged, match="never finished"):
        find("runs/a/checkpoints/.tmp-10-1-abcd")
    (tmp_path / "brax").mkdir()
    (tmp_path / "brax" / "_METADATA").write_text("{}")
    with pytest.raises(Incompatible, match="Orbax"):
        find("brax")


def test_a_link_among_the_files_is_unsafe():
    run = make_run("a", 10)
    file = at(run, 10) / "policy.safetensors"
    file.rename("elsewhere")
    file.symlink_to(Path("elsewhere").absolute())
    with pytest.raises(Unsafe, match="is a link"):
        find(None)
